/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which path is served by which handler: one table, which also answers 404 and 405. */
#ifndef V2METER_HTTP_ROUTES_H
#define V2METER_HTTP_ROUTES_H

#include <civetweb.h>
#include <stdbool.h>

#include "http/auth.h"
#include "http/reply.h"
#include "http/service.h"

/* Answers one request, which carried a valid API key unless its path is open. *reply has its body
 * afterwards; the caller sends it. */
void v2m_routes_answer(struct v2m_http_service *service, struct mg_connection *connection,
		       const struct v2m_auth *auth, struct v2m_http_reply *reply);
/* Whether the path is served without an API key, and whether it is under any name. */
bool v2m_routes_open(const char *path);
bool v2m_routes_any_host(const char *path);
/* Whether the handler reads the request's body itself. */
bool v2m_routes_read_body(const char *method, const char *path);

#endif
