// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Answers the rate history and the hours of a key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/calendar.h"
#include "http/exchange.h"
#include "api/history.h"
#include "api/rate_history.h"

/* Of one answer: 9,600 hours are under 2 MB. */
#define DAYS_MAX 400

void answer_rates(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_key_rates rates = { 0 };
	enum v2m_verdict verdict;
	const struct v2m_key *key;

	if (!exchange_take_window(exchange))
		return;
	key = exchange_find_key(exchange);
	if (!key)
		return;
	verdict = meter->rates(meter->context, key->id, &rates);
	if (verdict == V2M_OK)
		v2m_reply_own(exchange->reply,
			      v2m_api_key_rates(key, &rates, &exchange->reply->own));
	else
		answer_verdict(exchange->reply, verdict);
	free(rates.points);
}

/* 0 with the date, or with *date as it was where there is none; -EINVAL. */
static int read_date(struct exchange *exchange, const char *name, int32_t *date)
{
	const char *query = mg_get_request_info(exchange->connection)->query_string;
	char text[V2M_DATE_LEN];
	int result = v2m_query_value(query, name, text, sizeof(text));

	if (result == -ENOENT)
		return 0;
	return result ? -EINVAL : v2m_date_parse(text, date);
}

/* False: these are no dates, or not in order, and the answer says so. */
static bool read_range(struct exchange *exchange, int64_t real_us, int32_t *from, int32_t *to)
{
	*to = v2m_local_time_at(real_us).date;
	if (read_date(exchange, "to", to) == 0) {
		*from = *to;
		if (read_date(exchange, "from", from) == 0 && *from <= *to &&
		    v2m_date_add(*from, DAYS_MAX) > *to)
			return true;
	}
	v2m_reply_error(exchange->reply, 422, "bad_parameter",
			"from and to have to be dates, as in 2025-08-04, in this order and not "
			"more than 400 days");
	return false;
}

void answer_hours(struct exchange *exchange)
{
	struct v2m_history_argument argument = { 0 };
	const struct v2m_key *key;
	char name[V2M_SUBJECT_LEN + 64];
	int64_t real_us;

	if (!exchange_take_window(exchange))
		return;
	key = exchange_find_key(exchange);
	if (!key)
		return;
	real_us = v2m_window_snapshot(exchange->reply->window)->real_us;
	if (!read_range(exchange, real_us, &argument.query.from, &argument.query.to))
		return;
	argument.query.id_or_uuid = key->id;
	snprintf(name, sizeof(name), "hours %d %d %s", argument.query.from, argument.query.to,
		 key->uuid);
	answer_from_history(exchange, name, v2m_api_key_hours, &argument);
}
