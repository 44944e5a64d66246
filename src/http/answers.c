// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the routes answer, history aside. */
#include <stdio.h>

#include "http/exchange.h"
#include "http/negotiate.h"
#include "api/error.h"
#include "api/traffic.h"

void answer_verdict(struct v2m_reply *reply, enum v2m_verdict verdict)
{
	switch (verdict) {
	case V2M_KEY_NOT_FOUND:
		v2m_reply_error(reply, 404, "key_not_found", "Key not found");
		break;
	case V2M_KEY_SHARES_PORT:
		v2m_reply_error(reply, 409, V2M_CODE_SHARED_PORT, V2M_DETAIL_SHARED_PORT);
		break;
	case V2M_KEY_IS_UDP:
		v2m_reply_error(reply, 503, V2M_CODE_UDP, V2M_DETAIL_UDP);
		break;
	case V2M_NOT_STORED:
		v2m_reply_error(reply, 503, "not_stored",
				"What was asked for could not be stored; nothing was changed.");
		break;
	default:
		v2m_reply_error(reply, 503, V2M_CODE_UNREADABLE, V2M_DETAIL_UNREADABLE);
	}
}

void answer_root(struct exchange *exchange)
{
	v2m_reply_own(exchange->reply, v2m_api_root(&exchange->reply->own));
}

void answer_health(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_health health = { 0 };

	meter->health(meter->context, &health);
	v2m_reply_own(exchange->reply,
		      v2m_api_health(&health, exchange->route->healthy, &exchange->reply->own));
}

void answer_not_served(struct exchange *exchange)
{
	v2m_reply_error(exchange->reply, 404, "not_served",
			"This server does not serve that call; it is the panel's.");
}

void answer_meter_status(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	struct v2m_status *status = NULL;
	enum v2m_verdict verdict = meter->status(meter->context, &status);

	if (verdict != V2M_OK) {
		answer_verdict(reply, verdict);
		return;
	}
	v2m_reply_own(reply, v2m_status_render(status, &reply->own));
	v2m_status_free(status);
}

bool exchange_take_window(struct exchange *exchange)
{
	const char *control = mg_get_header(exchange->connection, "Cache-Control");
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_window *window = NULL;
	enum v2m_verdict verdict =
		meter->window(meter->context, v2m_asks_for_fresh(control), &window);

	if (verdict == V2M_OK)
		exchange->reply->window = window;
	else
		answer_verdict(exchange->reply, verdict);
	return verdict == V2M_OK;
}

const struct v2m_key *exchange_find_key(struct exchange *exchange)
{
	const struct v2m_snapshot *snapshot = v2m_window_snapshot(exchange->reply->window);
	const struct v2m_key *key = v2m_keyset_find(snapshot->keyset, exchange->parameter);

	if (!key) {
		answer_verdict(exchange->reply, V2M_KEY_NOT_FOUND);
	} else if (exchange->route->active_only && !key->is_active) {
		v2m_reply_error(exchange->reply, 400, "key_not_active", "Key is not active");
		key = NULL;
	}
	return key;
}

void answer_reset(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	struct v2m_reset reset = { 0 };
	enum v2m_verdict verdict;

	if (exchange->route->active_only &&
	    (!exchange_take_window(exchange) || !exchange_find_key(exchange)))
		return;
	verdict = meter->reset(meter->context, exchange->parameter, &reset);
	if (verdict == V2M_OK || verdict == V2M_KEY_HAS_NO_PORT)
		v2m_reply_own(reply, exchange->route->render_reset(
					     &reset, exchange->http->api_bytes, exchange->parameter,
					     verdict == V2M_OK, &reply->own));
	else
		answer_verdict(reply, verdict);
}

void answer_rendered(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	struct v2m_reply *reply = exchange->reply;
	const struct v2m_key *key = NULL;
	char name[V2M_SUBJECT_LEN + 64];

	if (!exchange_take_window(exchange))
		return;
	if (route->per_key) {
		key = exchange_find_key(exchange);
		if (!key)
			return;
	}
	/* By uuid: ids are the operator's and may be of any length. */
	snprintf(name, sizeof(name), "%s %s", route->name, key ? key->uuid : "");
	v2m_reply_rendered(exchange->http, exchange->connection, reply, name, route->render, key,
			   true);
	/* The window may be full; the answer then is this request's alone. */
	if (!reply->body)
		v2m_reply_own(reply, route->render(v2m_window_snapshot(reply->window),
						   exchange->http->api_bytes, key, &reply->own));
}
