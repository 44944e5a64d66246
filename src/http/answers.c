// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/answers.h"

#include <stdio.h>

#include "api/live.h"
#include "api/traffic.h"

void v2m_http_answer_root(struct v2m_exchange *exchange)
{
	v2m_http_reply_own(exchange->reply, v2m_api_root(&exchange->reply->own));
}

void v2m_http_answer_health(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_health health = { 0 };

	meter->health(meter->context, &health);
	v2m_http_reply_own(exchange->reply, v2m_api_health(&health, exchange->route->healthy,
							   &exchange->reply->own));
}

void v2m_http_answer_not_served(struct v2m_exchange *exchange)
{
	v2m_http_reply_error(exchange->reply, 404, "not_served",
			     "This server does not serve that call; it is the panel's.");
}

void v2m_http_answer_meter_status(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_http_reply *reply = exchange->reply;
	struct v2m_status *status = NULL;
	enum v2m_verdict verdict = meter->status(meter->context, &status);

	if (verdict != V2M_OK) {
		v2m_exchange_fail(exchange, verdict);
		return;
	}
	v2m_http_reply_own(reply, v2m_status_render(status, &reply->own));
	v2m_status_free(status);
}

void v2m_http_answer_live(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	enum v2m_verdict verdict = meter->live(meter->context, &exchange->reply->window);

	if (verdict != V2M_OK) {
		v2m_exchange_fail(exchange, verdict);
		return;
	}
	v2m_exchange_render(exchange, "live", v2m_api_live, NULL, false);
	if (!exchange->reply->body)
		v2m_exchange_render_alone(exchange, v2m_api_live, NULL);
}

void v2m_http_answer_reset(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_http_reply *reply = exchange->reply;
	struct v2m_reset reset = { 0 };
	enum v2m_verdict verdict;

	if (exchange->route->active_only &&
	    (!v2m_exchange_take_window(exchange) || !v2m_exchange_find_key(exchange)))
		return;
	verdict = meter->reset(meter->context, exchange->api_key, exchange->parameter, &reset);
	if (verdict == V2M_OK || verdict == V2M_KEY_HAS_NO_PORT)
		v2m_http_reply_own(
			reply, exchange->route->render_reset(&reset, exchange->service->api_bytes,
							     exchange->parameter, verdict == V2M_OK,
							     &reply->own));
	else
		v2m_exchange_fail(exchange, verdict);
}

void v2m_http_answer_rendered(struct v2m_exchange *exchange)
{
	const struct v2m_route *route = exchange->route;
	const struct v2m_key *key = NULL;
	char name[V2M_SUBJECT_LEN + 64];

	if (!v2m_exchange_take_window(exchange))
		return;
	if (route->per_key) {
		key = v2m_exchange_find_key(exchange);
		if (!key)
			return;
	}
	/* The name has the uuid, not the id: an operator may choose ids of any length. */
	snprintf(name, sizeof(name), "%s %s", route->name, key ? key->uuid : "");
	v2m_exchange_render(exchange, name, route->render, key, true);
	if (!exchange->reply->body)
		v2m_exchange_render_alone(exchange, route->render, key);
}
