// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is served under which path: one table, which also answers 404 and 405. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/api_json.h"
#include "http/negotiate.h"
#include "http/server.h"

#define PATH_MAX_LENGTH 2048
#define PARAMETER       "{}"

/* One request, its path matched to a route. */
struct exchange {
	struct v2m_http *http;
	struct mg_connection *connection;
	const struct route *route;
	const char *parameter; /* what {} of the pattern stood for, decoded */
	struct v2m_reply *reply;
};

/* Either an answer rendered from the window, or a handler. */
struct route {
	const char *method;
	const char *pattern;
	void (*handle)(struct exchange *exchange);
	v2m_render render;
	const char *name; /* of the body in the window: the same answer under two paths is one */
	v2m_render_reset render_reset;
	bool open;        /* without the API key */
	bool active_only; /* 400 where the key is switched off */
};

static void reply_verdict(struct v2m_reply *reply, enum v2m_verdict verdict)
{
	switch (verdict) {
	case V2M_KEY_NOT_FOUND:
		v2m_reply_error(reply, 404, "key_not_found", "Key not found");
		break;
	case V2M_KEY_SHARES_PORT:
		v2m_reply_error(reply, 409, V2M_CODE_SHARED_PORT, V2M_DETAIL_SHARED_PORT);
		break;
	case V2M_NOT_STORED:
		v2m_reply_error(reply, 503, "not_stored",
				"The reset could not be stored; nothing was changed.");
		break;
	default:
		v2m_reply_error(reply, 503, V2M_CODE_UNREADABLE, V2M_DETAIL_UNREADABLE);
	}
}

static void answer_root(struct exchange *exchange)
{
	v2m_reply_own(exchange->reply, v2m_api_root(&exchange->reply->own));
}

static void answer_health(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_health health = { 0 };

	meter->health(meter->context, &health);
	v2m_reply_own(exchange->reply,
		      v2m_api_health(&health, exchange->route->name, &exchange->reply->own));
}

static void answer_not_served(struct exchange *exchange)
{
	v2m_reply_error(exchange->reply, 404, "not_served",
			"This server does not serve that call; it is the panel's.");
}

static void answer_meter_status(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	struct v2m_status *status = NULL;
	enum v2m_verdict verdict = meter->status(meter->context, &status);

	if (verdict != V2M_OK) {
		reply_verdict(reply, verdict);
		return;
	}
	v2m_reply_own(reply, v2m_status_render(status, &reply->own));
	v2m_status_free(status);
}

/* The window to answer from, or false and the answer that there is none. */
static bool take_window(struct exchange *exchange, bool fresh)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_window *window = NULL;
	enum v2m_verdict verdict = meter->window(meter->context, fresh, &window);

	if (verdict == V2M_OK)
		exchange->reply->window = window;
	else
		reply_verdict(exchange->reply, verdict);
	return verdict == V2M_OK;
}

/* The key of the path in the reply's window, or NULL and the answer that it cannot be had. */
static const struct v2m_key *find_key(struct exchange *exchange)
{
	const struct v2m_snapshot *snapshot = v2m_window_snapshot(exchange->reply->window);
	const struct v2m_key *key = v2m_keyset_find(snapshot->keyset, exchange->parameter);

	if (!key) {
		reply_verdict(exchange->reply, V2M_KEY_NOT_FOUND);
	} else if (exchange->route->active_only && !key->is_active) {
		v2m_reply_error(exchange->reply, 400, "key_not_active", "Key is not active");
		key = NULL;
	}
	return key;
}

static void answer_reset(struct exchange *exchange)
{
	const struct v2m_meter *meter = exchange->http->meter;
	struct v2m_reply *reply = exchange->reply;
	struct v2m_reset reset = { 0 };
	enum v2m_verdict verdict;

	if (exchange->route->active_only && (!take_window(exchange, false) || !find_key(exchange)))
		return;
	verdict = meter->reset(meter->context, exchange->parameter, &reset);
	if (verdict == V2M_OK || verdict == V2M_KEY_HAS_NO_PORT)
		v2m_reply_own(reply, exchange->route->render_reset(
					     &reset, exchange->http->api_bytes, exchange->parameter,
					     verdict == V2M_OK, &reply->own));
	else
		reply_verdict(reply, verdict);
}

static void answer_rendered(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	const char *control = mg_get_header(exchange->connection, "Cache-Control");
	const struct v2m_key *key = NULL;
	char name[V2M_SUBJECT_LEN + 64];

	if (!take_window(exchange, v2m_asks_for_fresh(control)))
		return;
	if (strstr(route->pattern, PARAMETER)) {
		key = find_key(exchange);
		if (!key)
			return;
	}
	/* By uuid: ids are the operator's and may be of any length. */
	snprintf(name, sizeof(name), "%s %s", route->name, key ? key->uuid : "");
	v2m_reply_rendered(exchange->http, exchange->connection, exchange->reply, name,
			   route->render, key);
}

#define ROUTE(method_, pattern_, ...)                                                              \
	{                                                                                          \
		.method = method_, .pattern = pattern_, __VA_ARGS__                                \
	}
#define OPEN(pattern_, handle_, ...)                                                               \
	ROUTE("GET", pattern_, .handle = handle_, .open = true, __VA_ARGS__)
#define RENDERED(pattern_, name_, ...)                                                             \
	ROUTE("GET", pattern_, .handle = answer_rendered, .name = name_, .render = __VA_ARGS__)
#define RESET(pattern_, ...)                                                                       \
	ROUTE("POST", pattern_, .handle = answer_reset, .render_reset = __VA_ARGS__)
#define ACTIVE .active_only = true

/* clang-format off */
static const struct route routes[] = {
	/* First what is the panel's: neither ours nor a wrong method. */
	ROUTE("POST",   "/api/keys",    .handle = answer_not_served),
	ROUTE("PUT",    "/api/keys/{}", .handle = answer_not_served),
	ROUTE("PATCH",  "/api/keys/{}", .handle = answer_not_served),
	ROUTE("DELETE", "/api/keys/{}", .handle = answer_not_served),

	OPEN("/",        answer_root),
	OPEN("/api/",    answer_root),
	OPEN("/health",  answer_health, .name = "healthy"),
	OPEN("/healthz", answer_health, .name = "ok"),

	ROUTE("GET", "/api/meter/status", .handle = answer_meter_status),

	RENDERED("/api/keys",                       "keys",           v2m_api_keys),
	RENDERED("/api/keys/{}",                    "key",            v2m_api_key),
	RENDERED("/api/traffic/simple",             "simple",         v2m_api_simple),
	RENDERED("/api/traffic",                    "simple",         v2m_api_simple),
	RENDERED("/api/traffic/ports/exact",        "ports_exact",    v2m_api_ports_exact),
	RENDERED("/api/traffic/exact",              "exact",          v2m_api_exact),
	RENDERED("/api/traffic/status",             "status",         v2m_api_status),
	RENDERED("/api/system/traffic/summary",     "summary",        v2m_api_system_summary),
	RENDERED("/api/keys/{}/traffic/simple",     "key_simple",     v2m_api_key_simple),
	RENDERED("/api/keys/{}/traffic",            "key_traffic",    v2m_api_key_traffic),
	RENDERED("/api/keys/{}/traffic/port/exact", "key_port_exact", v2m_api_key_port_exact, ACTIVE),
	RENDERED("/api/keys/{}/traffic/exact",      "key_exact",      v2m_api_key_exact, ACTIVE),

	RESET("/api/keys/{}/traffic/simple/reset", v2m_api_reset),
	RESET("/api/keys/{}/traffic/reset",        v2m_api_key_reset),
	RESET("/api/keys/{}/traffic/port/reset",   v2m_api_port_reset, ACTIVE),
};
/* clang-format on */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one segment of a path. False: not an encoding, or one of 0, or too long. */
static bool decode(const char *text, size_t length, char *decoded, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		int c = (unsigned char)text[i];

		if (c == '%') {
			int high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
			int low = length - i > 2 ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = high * 16 + low;
			i += 2;
		}
		if (c == 0 || used + 1 >= size)
			return false;
		decoded[used++] = (char)c;
	}
	decoded[used] = 0;
	return true;
}

/* Matches a raw path to a pattern, segment by segment. The parameter's segment, not empty, is given
 * as it stands in the path. */
static bool matches(const char *pattern, const char *path, const char **parameter, size_t *length)
{
	*parameter = NULL;
	*length = 0;
	while (*pattern && *path) {
		if (strncmp(pattern, PARAMETER, 2) == 0) {
			*parameter = path;
			*length = strcspn(path, "/");
			if (!*length)
				return false;
			path += *length;
			pattern += 2;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*pattern && !*path;
}

/* The route of the request, or NULL with the methods that the path has in allow. */
static const struct route *find_route(const char *method, const char *path, const char **parameter,
				      size_t *length, char *allow, size_t size)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	size_t used = 0;

	allow[0] = 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(routes); i++) {
		const struct route *route = &routes[i];

		if (!matches(route->pattern, path, parameter, length))
			continue;
		if (strcmp(route->method, wanted) == 0)
			return route;
		if (route->handle != answer_not_served && used < size)
			used += (size_t)snprintf(
				allow + used, size - used, "%s%s", used ? ", " : "",
				strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method);
	}
	return NULL;
}

bool v2m_routes_open(const char *path)
{
	const char *parameter;
	size_t length;

	for (size_t i = 0; i < V2M_ARRAY_LEN(routes); i++)
		if (routes[i].open && matches(routes[i].pattern, path, &parameter, &length))
			return true;
	return false;
}

static void answer_no_route(struct v2m_reply *reply, const char *path)
{
	if (reply->allow[0]) {
		v2m_reply_error(reply, 405, "method_not_allowed", "Method not allowed");
	} else if (strncmp(path, "/api/", 5) == 0) {
		answer_not_served(&(struct exchange){ .reply = reply });
	} else {
		v2m_reply_error(reply, 404, "not_found", "Not found");
	}
}

void v2m_routes_answer(struct v2m_http *http, struct mg_connection *connection,
		       struct v2m_reply *reply)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	char decoded[PATH_MAX_LENGTH];
	const char *parameter;
	size_t length;
	struct exchange exchange = {
		.http = http,
		.connection = connection,
		.parameter = decoded,
		.reply = reply,
	};

	exchange.route = find_route(info->request_method, info->local_uri_raw, &parameter, &length,
				    reply->allow, sizeof(reply->allow));
	if (!exchange.route)
		answer_no_route(reply, info->local_uri_raw);
	else if (parameter && !decode(parameter, length, decoded, sizeof(decoded)))
		v2m_reply_error(reply, 422, "bad_parameter",
				"The path holds an invalid percent-encoding or is too long.");
	else
		exchange.route->handle(&exchange);
}
