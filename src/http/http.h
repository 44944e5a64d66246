/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HTTP server: civetweb with handlers of ours, authentication, and the routes of
 * docs/openapi.yaml. */
#ifndef V2METER_HTTP_HTTP_H
#define V2METER_HTTP_HTTP_H

#include "config/config.h"
#include "api/meter.h"

struct v2m_http;

struct v2m_http_options {
	const struct v2m_strings *listen;
	const char *api_key;
	enum v2m_api_bytes api_bytes;
	const struct v2m_meter *meter;
};

/* Starts serving. 0; -EADDRINUSE and who holds the port, where /proc tells; or another -errno. */
int v2m_http_start(const struct v2m_http_options *options, struct v2m_http **http,
		   struct v2m_error *error);
/* Ends all connections and threads, once the answers that are under way have left, or after a
 * second; does nothing on NULL. */
void v2m_http_stop(struct v2m_http *http);
/* The port of the first listener, host byte order: for those that asked for port 0. */
unsigned v2m_http_port(const struct v2m_http *http);

#endif
