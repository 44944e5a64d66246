// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "http/exchange.h"
#include "api/history.h"

#define DAYS_TO_KEEP     30
#define DAYS_TO_KEEP_MAX 100000

/* Kept in the window as every answer is, but never made ahead: it is the collector that makes them,
 * and it would wait for itself. */
void answer_from_history(struct exchange *exchange, const char *name, v2m_render render,
			 struct v2m_history_argument *argument)
{
	enum v2m_verdict verdict = V2M_OK;
	struct v2m_reply *reply = exchange->reply;

	argument->meter = exchange->http->meter;
	argument->verdict = &verdict;
	v2m_reply_rendered(exchange->http, exchange->connection, reply, name, render, argument,
			   false);
	if (reply->body)
		return;
	/* The window may be full; the answer then is this request's alone. */
	if (verdict == V2M_OK)
		v2m_reply_own(reply, render(v2m_window_snapshot(reply->window),
					    exchange->http->api_bytes, argument, &reply->own));
	if (verdict != V2M_OK)
		answer_verdict(reply, verdict);
}

/* False: it is no month, and the answer says so. */
static bool read_month(struct exchange *exchange, int32_t *month)
{
	const char *query = mg_get_request_info(exchange->connection)->query_string;
	char text[V2M_DATE_LEN];
	int result = v2m_query_value(query, "year_month", text, sizeof(text));

	if (result == -ENOENT) {
		*month = V2M_THIS_MONTH;
		return true;
	}
	if (result == 0 && v2m_month_parse(text, month) == 0)
		return true;
	v2m_reply_error(exchange->reply, 422, "bad_parameter",
			"year_month has to be a month, as in 2025-08");
	return false;
}

void answer_history(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	struct v2m_history_argument argument = { .query.month = V2M_ALL_TIME };
	const struct v2m_key *key = NULL;
	char name[V2M_SUBJECT_LEN + 64];

	if (route->monthly && !read_month(exchange, &argument.query.month))
		return;
	if (!exchange_take_window(exchange))
		return;
	if (route->per_key) {
		key = exchange_find_key(exchange);
		if (!key)
			return;
		argument.query.id_or_uuid = key->id;
	}
	snprintf(name, sizeof(name), "%s %d %s", route->name, argument.query.month,
		 key ? key->uuid : "");
	answer_from_history(exchange, name, route->render, &argument);
}

void answer_history_date(struct exchange *exchange)
{
	struct v2m_history_argument argument = { 0 };
	char name[64];

	if (v2m_date_parse(exchange->parameter, &argument.date)) {
		v2m_reply_error(exchange->reply, 422, "bad_parameter",
				"The path has to end with a date, as in 2025-08-04");
		return;
	}
	if (!exchange_take_window(exchange))
		return;
	snprintf(name, sizeof(name), "date %d", argument.date);
	answer_from_history(exchange, name, v2m_api_history_date, &argument);
}

void answer_history_reset(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	int64_t real_us = 0;
	enum v2m_verdict verdict =
		meter->history_reset(meter->context, exchange->parameter, &real_us);

	if (verdict == V2M_OK)
		v2m_reply_own(reply,
			      v2m_api_history_reset(exchange->parameter, real_us, &reply->own));
	else
		answer_verdict(reply, verdict);
}

/* False: it is no number of days, and the answer says so. */
static bool read_days(struct exchange *exchange, unsigned *days)
{
	const char *query = mg_get_request_info(exchange->connection)->query_string;
	char text[16];
	int result = v2m_query_value(query, "days_to_keep", text, sizeof(text));
	unsigned long number = DAYS_TO_KEEP;

	if (result == 0) {
		number = strtoul(text, NULL, 10);
		if (!text[0] || text[strspn(text, "0123456789")] || number > DAYS_TO_KEEP_MAX)
			result = -EINVAL;
	}
	if (result == -EINVAL) {
		v2m_reply_error(exchange->reply, 422, "bad_parameter",
				"days_to_keep has to be a number of days, 0 to 100000");
		return false;
	}
	*days = (unsigned)number;
	return true;
}

void answer_history_cleanup(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	enum v2m_verdict verdict;
	int64_t real_us = 0;
	unsigned days;

	if (!read_days(exchange, &days))
		return;
	verdict = meter->history_cleanup(meter->context, days, &real_us);
	if (verdict == V2M_OK)
		v2m_reply_own(reply, v2m_api_history_cleanup(days, real_us, &reply->own));
	else
		answer_verdict(reply, verdict);
}
