// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/exchange.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "api/error.h"
#include "http/negotiate.h"

/* A smaller body fits into one segment without compression. */
#define GZIP_FROM 1024

enum v2m_scope v2m_route_scope(const struct v2m_route *route)
{
	return route->scope ? route->scope : V2M_SCOPE_READ;
}

void v2m_exchange_forbid(struct v2m_exchange *exchange)
{
	char detail[128];

	snprintf(detail, sizeof(detail),
		 "This API key may not do that: it does not have the scope \"%s\".",
		 v2m_scope_name(v2m_route_scope(exchange->route)));
	v2m_http_reply_error(exchange->reply, 403, "forbidden", detail);
}

void v2m_exchange_fail(struct v2m_exchange *exchange, enum v2m_verdict verdict)
{
	struct v2m_http_reply *reply = exchange->reply;

	switch (verdict) {
	case V2M_KEY_NOT_FOUND:
		v2m_http_reply_error(reply, 404, "key_not_found", "Key not found");
		break;
	case V2M_KEY_SHARES_PORT:
		v2m_http_reply_error(reply, 409, V2M_CODE_SHARED_PORT, V2M_DETAIL_SHARED_PORT);
		break;
	case V2M_KEY_IS_UDP:
		v2m_http_reply_error(reply, 503, V2M_CODE_UDP, V2M_DETAIL_UDP);
		break;
	case V2M_NOT_STORED:
		v2m_http_reply_error(reply, 503, "not_stored",
				     "The change could not be stored; nothing was changed.");
		break;
	case V2M_FORBIDDEN:
		v2m_http_reply_error(reply, 401, "unauthorized", V2M_DETAIL_UNAUTHORIZED);
		break;
	case V2M_OUT_OF_SCOPE:
		v2m_exchange_forbid(exchange);
		break;
	case V2M_LATE:
		v2m_http_reply_error(reply, 503, "timeout",
				     "The meter did not answer in time. A change may have been "
				     "made or not.");
		break;
	default:
		v2m_http_reply_error(reply, 503, V2M_CODE_UNREADABLE, V2M_DETAIL_UNREADABLE);
	}
}

bool v2m_exchange_take_window(struct v2m_exchange *exchange)
{
	const char *control = mg_get_header(exchange->connection, "Cache-Control");
	const struct v2m_meter *meter = exchange->service->meter;
	struct v2m_window *window = NULL;
	enum v2m_verdict verdict =
		meter->window(meter->context, v2m_asks_for_fresh(control), &window);

	if (verdict == V2M_OK)
		exchange->reply->window = window;
	else
		v2m_exchange_fail(exchange, verdict);
	return verdict == V2M_OK;
}

const struct v2m_key *v2m_exchange_find_key(struct v2m_exchange *exchange)
{
	const struct v2m_snapshot *snapshot = v2m_window_snapshot(exchange->reply->window);
	const struct v2m_key *key = v2m_keyset_find(snapshot->keyset, exchange->parameter);

	if (!key) {
		v2m_exchange_fail(exchange, V2M_KEY_NOT_FOUND);
	} else if (exchange->route->active_only && !key->is_active) {
		v2m_http_reply_error(exchange->reply, 400, "key_not_active", "Key is not active");
		key = NULL;
	}
	return key;
}

/* "START-GENERATION" or "START-GENERATION-gzip", with the generation in hexadecimal digits.
 * printf() would take a tenth of the instructions of our part of an answer. */
static void write_etag(struct v2m_http_reply *reply, const char *start_id, uint64_t generation)
{
	char digits[17];
	char *first = digits + sizeof(digits) - 1;
	char *end = reply->etag;

	*first = 0;
	do
		*--first = "0123456789abcdef"[generation % 16];
	while (generation /= 16);
	end = stpcpy(end, "\"");
	end = stpcpy(end, start_id);
	end = stpcpy(end, "-");
	end = stpcpy(end, first);
	stpcpy(end, reply->gzip ? "-gzip\"" : "\"");
}

void v2m_exchange_render(struct v2m_exchange *exchange, const char *name, v2m_render render,
			 const void *argument, bool ahead)
{
	struct v2m_http_reply *reply = exchange->reply;
	uint64_t generation = v2m_window_snapshot(reply->window)->generation;

	reply->body = v2m_window_body(reply->window, name, render, argument, ahead);
	if (!reply->body || reply->body->status != 200)
		return;
	reply->gzip = reply->body->length >= GZIP_FROM &&
		      v2m_accepts_gzip(mg_get_header(exchange->connection, "Accept-Encoding"));
	write_etag(reply, exchange->service->start_id, generation);
	if (v2m_etag_matches(mg_get_header(exchange->connection, "If-None-Match"), reply->etag))
		v2m_http_reply_not_modified(reply);
	else if (reply->gzip)
		reply->body = v2m_window_gzip(reply->window, name, render, argument, ahead);
}

void v2m_exchange_render_alone(struct v2m_exchange *exchange, v2m_render render,
			       const void *argument)
{
	struct v2m_http_reply *reply = exchange->reply;

	v2m_http_reply_own(reply, render(v2m_window_snapshot(reply->window),
					 exchange->service->api_bytes, argument, &reply->own));
}
