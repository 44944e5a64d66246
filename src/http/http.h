/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The HTTP server: civetweb with our handlers, authentication, and the routes of docs/openapi.yaml.
 */
#ifndef V2METER_HTTP_HTTP_H
#define V2METER_HTTP_HTTP_H

#include "apikeys/key_ring.h"
#include "base/string_list.h"
#include "http/listen.h"
#include "api/meter.h"
#include "api/metrics.h"

struct v2m_http;

struct v2m_http_options {
	const struct v2m_listeners *listeners; /* at least one; they stay the caller's */
	struct v2m_key_ring *api_keys;         /* must outlive the server */
	const struct v2m_strings *hosts;       /* of struct v2m_config; must outlive the server */
	enum v2m_api_bytes api_bytes;
	struct v2m_metrics_options metrics;
	const struct v2m_meter *meter;
};

/* Starts the threads, which wait: no connection is accepted yet. The meter must outlive the server.
 * 0 or -errno. */
int v2m_http_start(const struct v2m_http_options *options, struct v2m_http **http,
		   struct v2m_error *error);
/* Begins to accept connections, after v2m_http_start(). It makes a thread, and otherwise needs no
 * system call that the threads do not need later: the process can give up the others before. 0 or
 * -errno. */
int v2m_http_accept(struct v2m_http *http, struct v2m_error *error);
/* Waits until the answers in progress have left, at most a second, then ends all connections and
 * threads. Does nothing on NULL. */
void v2m_http_stop(struct v2m_http *http);
/* Waits until the answers in progress have left, at most a second. Later answers end their
 * connections. For a process that ends right after that. */
void v2m_http_drain(struct v2m_http *http);
/* The port of the first listener, in host byte order, also if port 0 was asked for. */
unsigned v2m_http_port(const struct v2m_http *http);

#endif
