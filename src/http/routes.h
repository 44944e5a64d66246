/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which path is served by which handler: one table, which also answers 404 and 405. */
#ifndef V2METER_HTTP_ROUTES_H
#define V2METER_HTTP_ROUTES_H

#include <civetweb.h>
#include <stdbool.h>

#include "http/reply.h"
#include "http/service.h"

/* Answers one request, which carried that API key ("": none). *reply has its body afterwards; the
 * caller sends it. */
void v2m_routes_answer(struct v2m_http_service *service, struct mg_connection *connection,
		       const char *api_key, struct v2m_http_reply *reply);
/* Whether the path is served without the API key. */
bool v2m_routes_open(const char *path);
/* Whether the handler reads the request's body itself. */
bool v2m_routes_read_body(const char *method, const char *path);

#endif
