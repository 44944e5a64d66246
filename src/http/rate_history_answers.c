// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/rate_history_answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/history.h"
#include "api/rate_history.h"
#include "base/calendar.h"
#include "http/decode.h"
#include "http/history_answers.h"

/* Days in one answer: 9,600 hours take less than 2 MB. */
#define DAYS_MAX 400

void v2m_http_answer_rates(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_key_rates rates = { 0 };
	enum v2m_verdict verdict;
	const struct v2m_key *key;

	if (!v2m_exchange_take_window(exchange))
		return;
	key = v2m_exchange_find_key(exchange);
	if (!key)
		return;
	verdict = meter->rates(meter->context, key->id, &rates);
	if (verdict == V2M_OK)
		v2m_http_reply_own(exchange->reply,
				   v2m_api_key_rates(key, &rates, &exchange->reply->own));
	else
		v2m_exchange_fail(exchange, verdict);
	free(rates.points);
}

/* 0, with *date unchanged if the query has no such parameter; -EINVAL if it is not a date. */
static int read_date_parameter(struct v2m_exchange *exchange, const char *name, int32_t *date)
{
	const char *query = mg_get_request_info(exchange->connection)->query_string;
	char text[V2M_DATE_LEN];
	int result = v2m_query_value(query, name, text, sizeof(text));

	if (result == -ENOENT)
		return 0;
	return result ? -EINVAL : v2m_date_parse(text, date);
}

/* Reads from and to. The default of to is the local date at real_us, that of from is to. False:
 * they are not dates, not in order, or too far apart, and the reply is an error. */
static bool read_date_range(struct v2m_exchange *exchange, int64_t real_us, int32_t *from,
			    int32_t *to)
{
	*to = v2m_local_time_at(real_us).date;
	if (read_date_parameter(exchange, "to", to) == 0) {
		*from = *to;
		if (read_date_parameter(exchange, "from", from) == 0 && *from <= *to &&
		    v2m_date_add(*from, DAYS_MAX) > *to)
			return true;
	}
	v2m_http_reply_error(
		exchange->reply, 422, "bad_parameter",
		"from and to must be dates such as 2025-08-04, in this order and at most "
		"400 days");
	return false;
}

void v2m_http_answer_hours(struct v2m_exchange *exchange)
{
	struct v2m_history_argument argument = { 0 };
	const struct v2m_key *key;
	char name[V2M_SUBJECT_LEN + 64];
	int64_t real_us;

	if (!v2m_exchange_take_window(exchange))
		return;
	key = v2m_exchange_find_key(exchange);
	if (!key)
		return;
	real_us = v2m_window_snapshot(exchange->reply->window)->real_us;
	if (!read_date_range(exchange, real_us, &argument.query.from, &argument.query.to))
		return;
	argument.query.id_or_uuid = key->id;
	snprintf(name, sizeof(name), "hours %d %d %s", argument.query.from, argument.query.to,
		 key->uuid);
	v2m_http_answer_from_history(exchange, name, v2m_api_key_hours, &argument);
}
