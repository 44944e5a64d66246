// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/answers.h"

#include <stdio.h>

#include "api/budget.h"
#include "api/live.h"
#include "api/metrics.h"
#include "api/traffic.h"
#include "base/clock.h"

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

/* The status, which is the caller's to free. NULL: there is none, and the reply is an error. */
static struct v2m_status *take_status(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_status *status = NULL;
	enum v2m_verdict verdict = meter->status(meter->context, &status);

	if (verdict == V2M_OK)
		return status;
	v2m_exchange_fail(exchange, verdict);
	return NULL;
}

/* Takes a window that is at most a second old. False: there is none, and the reply is an error. */
static bool take_live(struct v2m_exchange *exchange)
{
	const struct v2m_meter *meter = exchange->service->meter;
	enum v2m_verdict verdict = meter->live(meter->context, &exchange->reply->window);

	if (verdict != V2M_OK)
		v2m_exchange_fail(exchange, verdict);
	return verdict == V2M_OK;
}

/* Replies with the body of that name, whether or not the window can keep it. */
static void render(struct v2m_exchange *exchange, const char *name, v2m_render renderer,
		   const void *argument, bool ahead)
{
	v2m_exchange_render(exchange, name, renderer, argument, ahead);
	if (!exchange->reply->body)
		v2m_exchange_render_alone(exchange, renderer, argument);
}

void v2m_http_answer_meter_status(struct v2m_exchange *exchange)
{
	struct v2m_http_reply *reply = exchange->reply;
	struct v2m_status *status = take_status(exchange);
	char scopes[V2M_SCOPES_LEN];

	if (!status)
		return;
	v2m_scopes_format(exchange->auth->key.scopes, scopes);
	status->presented_key = exchange->auth->key.name;
	status->presented_scopes = scopes;
	v2m_http_reply_own(reply, v2m_status_render(status, &reply->own));
	v2m_status_free(status);
}

void v2m_http_answer_budget(struct v2m_exchange *exchange)
{
	struct v2m_http_reply *reply = exchange->reply;
	struct v2m_status *status = take_status(exchange);

	if (!status)
		return;
	if (status->budget.set)
		v2m_http_reply_own(reply, v2m_api_budget(status, &reply->own));
	else
		v2m_http_reply_error(reply, 404, "no_budget", "No budget is configured.");
	v2m_status_free(status);
}

void v2m_http_answer_live(struct v2m_exchange *exchange)
{
	if (take_live(exchange))
		render(exchange, "live", v2m_api_live, NULL, false);
}

/* A scrape gets figures that are at most a second old. A window that lasts longer than the interval
 * of scrapes would make steps in every rate. */
void v2m_http_answer_metrics(struct v2m_exchange *exchange)
{
	struct v2m_http_reply *reply = exchange->reply;
	struct v2m_metrics_input input = { .options = exchange->service->metrics };
	struct v2m_status *status = take_live(exchange) ? take_status(exchange) : NULL;

	if (!status)
		return;
	input.status = status;
	input.now_us = v2m_clock_real_us();
	render(exchange, "metrics", v2m_api_metrics, &input, false);
	if (reply->body && reply->body->status == 200)
		reply->type = V2M_METRICS_TYPE;
	v2m_status_free(status);
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
	verdict = meter->reset(meter->context, exchange->auth->text, exchange->parameter, &reset);
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
	const char *name = route->name;
	char name_of_key[V2M_SUBJECT_LEN + 64];

	if (!v2m_exchange_take_window(exchange))
		return;
	if (route->per_key) {
		key = v2m_exchange_find_key(exchange);
		if (!key)
			return;
		/* The name has the uuid, not the id, which the operator chooses. */
		snprintf(name_of_key, sizeof(name_of_key), "%s %s", name, key->uuid);
		name = name_of_key;
	}
	render(exchange, name, route->render, key, true);
}
