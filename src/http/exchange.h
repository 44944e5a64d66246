/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One request and its reply, on the way from the route table to the answer. */
#ifndef V2METER_HTTP_EXCHANGE_H
#define V2METER_HTTP_EXCHANGE_H

#include <civetweb.h>
#include <stdbool.h>

#include "api/traffic.h"
#include "http/auth.h"
#include "http/reply.h"
#include "http/service.h"

struct v2m_exchange;

/* One path that is served: its handler, and the details that this handler needs. */
struct v2m_route {
	const char *method;
	const char *pattern; /* "{}" stands for one segment of the path */
	void (*handle)(struct v2m_exchange *exchange);
	v2m_render render;
	const char *name;    /* of the body in the window; two paths with one answer share it */
	const char *healthy; /* the word for "healthy", for a health path */
	v2m_render_reset render_reset;
	bool per_key;         /* {} is a key */
	bool open;            /* served without an API key */
	bool any_host;        /* with open: served under any name (http/host.h) */
	enum v2m_scope scope; /* what the API key needs; 0: V2M_SCOPE_READ */
	bool active_only;     /* 400 if the key is switched off */
	bool monthly;         /* takes year_month */
	bool reads_body;      /* the handler reads the body; otherwise it is dropped beforehand */
};

struct v2m_exchange {
	struct v2m_http_service *service;
	struct mg_connection *connection;
	const struct v2m_route *route;
	const struct v2m_auth *auth; /* valid, unless the route is open */
	const char *parameter;       /* the segment of the path for {}, decoded */
	struct v2m_http_reply *reply;
};

/* The scope that the route needs. */
enum v2m_scope v2m_route_scope(const struct v2m_route *route);
/* Replies with 403: the API key lacks the scope of the route. */
void v2m_exchange_forbid(struct v2m_exchange *exchange);
/* Replies with the error for the verdict. */
void v2m_exchange_fail(struct v2m_exchange *exchange, enum v2m_verdict verdict);
/* Takes the window to answer from, a fresh one if the request asks for it. False: there is none,
 * and the reply is an error. */
bool v2m_exchange_take_window(struct v2m_exchange *exchange);
/* The key that the path names, from the reply's window. NULL: it cannot be served, and the reply is
 * an error. */
const struct v2m_key *v2m_exchange_find_key(struct v2m_exchange *exchange);

/* Replies with the body of that name from the reply's window: compressed if the client accepts
 * gzip, and with its entity tag, or with 304 if the client has the body already. argument and
 * ahead: as for v2m_window_body(). Leaves reply->body NULL if the body cannot be rendered or kept.
 */
void v2m_exchange_render(struct v2m_exchange *exchange, const char *name, v2m_render render,
			 const void *argument, bool ahead);
/* Renders a body for this request only. For a window that can hold no more bodies. */
void v2m_exchange_render_alone(struct v2m_exchange *exchange, v2m_render render,
			       const void *argument);

#endif
