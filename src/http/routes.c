// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/routes.h"

#include <stdio.h>
#include <string.h>

#include "api/exact.h"
#include "api/history.h"
#include "api/terms.h"
#include "api/traffic.h"
#include "http/answers.h"
#include "http/rate_history_answers.h"
#include "http/decode.h"
#include "http/history_answers.h"
#include "http/page.h"
#include "http/transfer_answers.h"

#define PATH_MAX_LENGTH 1024
#define PARAMETER       "{}"

#define ROUTE(method_, pattern_, ...)                                                              \
	{                                                                                          \
		.method = method_, .pattern = pattern_, __VA_ARGS__                                \
	}
#define OPEN(pattern_, handle_, ...)                                                               \
	ROUTE("GET", pattern_, .handle = handle_, .open = true, __VA_ARGS__)
#define RENDERED(pattern_, name_, ...)                                                             \
	ROUTE("GET", pattern_, .handle = v2m_http_answer_rendered, .name = name_,                  \
	      .render = __VA_ARGS__)
#define RESET(pattern_, ...)                                                                       \
	ROUTE("POST", pattern_, .handle = v2m_http_answer_reset, .scope = V2M_SCOPE_RESET,         \
	      .render_reset = __VA_ARGS__)
#define KEY    .per_key = true
#define ACTIVE .per_key = true, .active_only = true
#define HISTORY(pattern_, name_, ...)                                                              \
	ROUTE("GET", pattern_, .handle = v2m_http_answer_history, .name = name_,                   \
	      .render = __VA_ARGS__)

/* clang-format off */
static const struct v2m_route routes[] = {
	/* A request is compared with the patterns in this order: what is asked most comes first. */
	RENDERED("/api/traffic/simple",             "simple",         v2m_api_simple),
	RENDERED("/api/traffic",                    "simple",         v2m_api_simple),
	ROUTE("GET", "/api/traffic/live",           .handle = v2m_http_answer_live),
	RENDERED("/api/traffic/ports/exact",        "ports_exact",    v2m_api_ports_exact),
	RENDERED("/api/traffic/exact",              "exact",          v2m_api_exact),
	RENDERED("/api/traffic/status",             "status",         v2m_api_status),

	/* The panel's calls: they are not ours, and not a wrong method of our paths. */
	ROUTE("POST",   "/api/keys",    .handle = v2m_http_answer_not_served),
	ROUTE("PUT",    "/api/keys/{}", .handle = v2m_http_answer_not_served),
	ROUTE("PATCH",  "/api/keys/{}", .handle = v2m_http_answer_not_served),
	ROUTE("DELETE", "/api/keys/{}", .handle = v2m_http_answer_not_served),

	OPEN("/",        v2m_http_answer_root,   .any_host = true),
	OPEN("/api/",    v2m_http_answer_root,   .any_host = true),
	OPEN("/health",  v2m_http_answer_health, .any_host = true, .healthy = "healthy"),
	OPEN("/healthz", v2m_http_answer_health, .any_host = true, .healthy = "ok"),
	OPEN("/ui",      v2m_http_answer_page),
	OPEN("/ui/",     v2m_http_answer_page_slash),
	OPEN("/ui/{}",   v2m_http_answer_page_file),

	ROUTE("GET",  "/api/meter/status", .handle = v2m_http_answer_meter_status),
	ROUTE("GET",  "/api/meter/budget", .handle = v2m_http_answer_budget),
	ROUTE("GET",  "/api/meter/export", .handle = v2m_http_answer_export),
	ROUTE("POST", "/api/meter/import", .handle = v2m_http_answer_import, .scope = V2M_SCOPE_ADMIN, .reads_body = true),

	ROUTE("GET",  "/metrics",          .handle = v2m_http_answer_metrics, .scope = V2M_SCOPE_METRICS),

	RENDERED("/api/meter/keys",                 "terms",          v2m_api_terms),
	RENDERED("/api/keys",                       "keys",           v2m_api_keys),
	RENDERED("/api/keys/{}",                    "key",            v2m_api_key, KEY),
	RENDERED("/api/system/traffic/summary",     "summary",        v2m_api_system_summary),
	RENDERED("/api/keys/{}/traffic/simple",     "key_simple",     v2m_api_key_simple, KEY),
	RENDERED("/api/keys/{}/traffic/peers",      "key_peers",      v2m_api_key_peers, KEY),
	RENDERED("/api/keys/{}/traffic",            "key_traffic",    v2m_api_key_traffic, KEY),
	RENDERED("/api/keys/{}/traffic/port/exact", "key_port_exact", v2m_api_key_port_exact, ACTIVE),
	RENDERED("/api/keys/{}/traffic/exact",      "key_exact",      v2m_api_key_exact, ACTIVE),

	HISTORY("/api/traffic/history",           "history",     v2m_api_history),
	HISTORY("/api/traffic/monthly",           "month",       v2m_api_month, .monthly = true),
	HISTORY("/api/keys/{}/traffic/history",   "key_history", v2m_api_key_history, KEY),
	HISTORY("/api/keys/{}/traffic/monthly",   "key_month",   v2m_api_key_month, KEY, .monthly = true),
	ROUTE("GET",  "/api/keys/{}/traffic/hours",          .handle = v2m_http_answer_hours, .per_key = true),
	ROUTE("GET",  "/api/keys/{}/traffic/rates",          .handle = v2m_http_answer_rates, .per_key = true),
	ROUTE("GET",  "/api/traffic/daily/{}",               .handle = v2m_http_answer_history_date),
	ROUTE("POST", "/api/keys/{}/traffic/history/reset",  .handle = v2m_http_answer_history_reset, .scope = V2M_SCOPE_RESET, .per_key = true),
	ROUTE("POST", "/api/traffic/history/cleanup",        .handle = v2m_http_answer_history_cleanup, .scope = V2M_SCOPE_ADMIN),

	RESET("/api/keys/{}/traffic/simple/reset", v2m_api_reset, KEY),
	RESET("/api/keys/{}/traffic/reset",        v2m_api_key_reset, KEY),
	RESET("/api/keys/{}/traffic/port/reset",   v2m_api_port_reset, ACTIVE),
};
/* clang-format on */

/* Whether a raw path fits the pattern. *parameter and *length are the path's segment for {}, not
 * decoded and not empty; NULL and 0 if the pattern has none. */
static bool matches_pattern(const char *pattern, const char *path, const char **parameter,
			    size_t *length)
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

/* The route of the request. NULL: there is none, and allow lists the methods of the path. */
static const struct v2m_route *find_route(const char *method, const char *path,
					  const char **parameter, size_t *length, char *allow,
					  size_t size)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	size_t used = 0;

	allow[0] = 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(routes); i++) {
		const struct v2m_route *route = &routes[i];

		if (!matches_pattern(route->pattern, path, parameter, length))
			continue;
		if (strcmp(route->method, wanted) == 0)
			return route;
		if (route->handle != v2m_http_answer_not_served && used < size)
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
		if (routes[i].open && matches_pattern(routes[i].pattern, path, &parameter, &length))
			return true;
	return false;
}

bool v2m_routes_any_host(const char *path)
{
	const char *parameter;
	size_t length;

	for (size_t i = 0; i < V2M_ARRAY_LEN(routes); i++)
		if (routes[i].any_host &&
		    matches_pattern(routes[i].pattern, path, &parameter, &length))
			return true;
	return false;
}

bool v2m_routes_read_body(const char *method, const char *path)
{
	const char *parameter;
	size_t length;

	for (size_t i = 0; i < V2M_ARRAY_LEN(routes); i++)
		if (routes[i].reads_body && strcmp(routes[i].method, method) == 0 &&
		    matches_pattern(routes[i].pattern, path, &parameter, &length))
			return true;
	return false;
}

static void answer_no_route(struct v2m_exchange *exchange, const char *path)
{
	struct v2m_http_reply *reply = exchange->reply;

	if (reply->allow[0])
		v2m_http_reply_error(reply, 405, "method_not_allowed", "Method not allowed");
	else if (strncmp(path, "/api/", 5) == 0)
		v2m_http_answer_not_served(exchange);
	else
		v2m_http_reply_error(reply, 404, "not_found", "Not found");
}

/* No key has an id that long, and no date either. */
static void answer_too_long(struct v2m_exchange *exchange)
{
	if (exchange->route->per_key)
		v2m_exchange_fail(exchange, V2M_KEY_NOT_FOUND);
	else
		v2m_http_reply_error(exchange->reply, 422, "bad_parameter",
				     "The path's parameter is too long.");
}

static bool may_ask(const struct v2m_exchange *exchange)
{
	const struct v2m_route *route = exchange->route;

	return route->open ||
	       v2m_scopes_include(exchange->auth->key.scopes, v2m_route_scope(route));
}

/* A body that the handler would have read is dropped. */
static void forbid(struct v2m_exchange *exchange)
{
	v2m_exchange_forbid(exchange);
	if (exchange->route->reads_body)
		exchange->reply->close = exchange->reply->linger = true;
}

void v2m_routes_answer(struct v2m_http_service *service, struct mg_connection *connection,
		       const struct v2m_auth *auth, struct v2m_http_reply *reply)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	char decoded[PATH_MAX_LENGTH];
	const char *parameter;
	size_t length;
	struct v2m_exchange exchange = {
		.service = service,
		.connection = connection,
		.auth = auth,
		.parameter = decoded,
		.reply = reply,
	};

	exchange.route = find_route(info->request_method, info->local_uri_raw, &parameter, &length,
				    reply->allow, sizeof(reply->allow));
	if (!exchange.route)
		answer_no_route(&exchange, info->local_uri_raw);
	else if (!may_ask(&exchange))
		forbid(&exchange);
	else if (parameter && length >= sizeof(decoded))
		answer_too_long(&exchange);
	else if (parameter && !v2m_percent_decode(parameter, length, decoded, sizeof(decoded)))
		v2m_http_reply_error(reply, 422, "bad_parameter",
				     "The path holds an invalid percent-encoding.");
	else
		exchange.route->handle(&exchange);
}
