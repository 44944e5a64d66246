// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/history_answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/calendar.h"
#include "http/decode.h"

#define DAYS_TO_KEEP     30
#define DAYS_TO_KEEP_MAX 100000

/* The body is kept in the window, but is never rendered ahead. Rendering asks the collector, and it
 * is the collector that renders ahead: it would wait for itself. */
void v2m_http_answer_from_history(struct v2m_exchange *exchange, const char *name,
				  v2m_render render, struct v2m_history_argument *argument)
{
	enum v2m_verdict verdict = V2M_OK;

	argument->meter = exchange->service->meter;
	argument->verdict = &verdict;
	v2m_exchange_render(exchange, name, render, argument, false);
	if (!exchange->reply->body) {
		if (verdict == V2M_OK)
			v2m_exchange_render_alone(exchange, render, argument);
		if (verdict != V2M_OK)
			v2m_exchange_fail(exchange, verdict);
	}
	argument->verdict = NULL;
}

/* Reads year_month; the default is this month. False: it is not a month, and the reply is an error.
 */
static bool read_month(struct v2m_exchange *exchange, int32_t *month)
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
	v2m_http_reply_error(exchange->reply, 422, "bad_parameter",
			     "year_month must be a month such as 2025-08");
	return false;
}

void v2m_http_answer_history(struct v2m_exchange *exchange)
{
	const struct v2m_route *route = exchange->route;
	struct v2m_history_argument argument = { .query.month = V2M_ALL_TIME };
	const struct v2m_key *key = NULL;
	char name[V2M_SUBJECT_LEN + 64];

	if (route->monthly && !read_month(exchange, &argument.query.month))
		return;
	if (!v2m_exchange_take_window(exchange))
		return;
	if (route->per_key) {
		key = v2m_exchange_find_key(exchange);
		if (!key)
			return;
		argument.query.id_or_uuid = key->id;
	}
	snprintf(name, sizeof(name), "%s %d %s", route->name, argument.query.month,
		 key ? key->uuid : "");
	v2m_http_answer_from_history(exchange, name, route->render, &argument);
}

void v2m_http_answer_history_date(struct v2m_exchange *exchange)
{
	struct v2m_history_argument argument = { 0 };
	char name[64];

	if (v2m_date_parse(exchange->parameter, &argument.date)) {
		v2m_http_reply_error(exchange->reply, 422, "bad_parameter",
				     "The path must end with a date such as 2025-08-04");
		return;
	}
	if (!v2m_exchange_take_window(exchange))
		return;
	snprintf(name, sizeof(name), "date %d", argument.date);
	v2m_http_answer_from_history(exchange, name, v2m_api_history_date, &argument);
}

void v2m_http_answer_history_reset(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_http_reply *reply = exchange->reply;
	int64_t real_us = 0;
	enum v2m_verdict verdict = meter->history_reset(meter->context, exchange->auth->text,
							exchange->parameter, &real_us);

	if (verdict == V2M_OK)
		v2m_http_reply_own(
			reply, v2m_api_history_reset(exchange->parameter, real_us, &reply->own));
	else
		v2m_exchange_fail(exchange, verdict);
}

/* Reads days_to_keep. False: it is not a number of days, and the reply is an error. */
static bool read_days(struct v2m_exchange *exchange, unsigned *days)
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
		v2m_http_reply_error(exchange->reply, 422, "bad_parameter",
				     "days_to_keep must be a number of days, 0 to 100000");
		return false;
	}
	*days = (unsigned)number;
	return true;
}

void v2m_http_answer_history_cleanup(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_http_reply *reply = exchange->reply;
	enum v2m_verdict verdict;
	int64_t real_us = 0;
	unsigned days;

	if (!read_days(exchange, &days))
		return;
	verdict = meter->history_cleanup(meter->context, exchange->auth->text, days, &real_us);
	if (verdict == V2M_OK)
		v2m_http_reply_own(reply, v2m_api_history_cleanup(days, real_us, &reply->own));
	else
		v2m_exchange_fail(exchange, verdict);
}
