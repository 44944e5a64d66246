/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the HTTP side know of each other. */
#ifndef V2METER_HTTP_SERVER_H
#define V2METER_HTTP_SERVER_H

#include <civetweb.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "config/state_dir.h"
#include "http/address_counts.h"
#include "http/http.h"

/* Zeros behind the key up to here; compared by words. */
#define V2M_API_KEY_FIELD (V2M_API_KEY_MAX + sizeof(uint64_t))
/* Of a request's body; but for documents of totals, nothing we serve has a body to read. */
#define V2M_REQUEST_BODY_MAX (16 * 1024)

struct v2m_http {
	struct mg_context *context;
	struct sockaddr_in address; /* of the first listener; its port may be 0 */
	const struct v2m_meter *meter;
	enum v2m_api_bytes api_bytes;
	bool started;
	bool importing;            /* atomic: a document of totals is in memory */
	unsigned open_connections; /* atomic */
	unsigned in_flight;        /* atomic; requests, those that came after stopping aside */
	bool stopping;             /* atomic */
	struct v2m_address_counts address_counts;
	char api_key[V2M_API_KEY_FIELD];
	char start_id[17]; /* random: entity tags of different runs differ */
};

/* An answer on its way out. */
struct v2m_reply {
	const struct v2m_body *body; /* in window, or own */
	struct v2m_body own;
	struct v2m_window *window; /* referenced while body is in use */
	char etag[64];             /* with its quotes, or "" */
	bool gzip;                 /* how body is encoded */
	char allow[64];            /* of a 405; else "" */
	bool head;                 /* the headers alone */
	bool close;                /* end the connection after it */
	bool linger;               /* but only when some of the body has been taken in */
};

/* auth.c: whether the request carries the API key in either header. */
bool v2m_http_authorized(const struct v2m_http *http, const struct mg_connection *connection);

/* reply.c */
void v2m_reply_error(struct v2m_reply *reply, int status, const char *code, const char *detail);
/* An answer whose figures are a window's: encoded as the client takes it, with its entity tag, or
 * nothing but that where the client has it already. ahead: as in v2m_window_body(). Leaves
 * reply->body NULL where it cannot be rendered. */
void v2m_reply_rendered(struct v2m_http *http, struct mg_connection *connection,
			struct v2m_reply *reply, const char *name, v2m_render render,
			const void *argument, bool ahead);
/* Takes the answer that a renderer of the core has left in reply->own. */
void v2m_reply_own(struct v2m_reply *reply, int result);
/* Sends it and releases what it holds. */
void v2m_reply_send(struct mg_connection *connection, struct v2m_reply *reply);

/* routes.c: answers one request. */
void v2m_routes_answer(struct v2m_http *http, struct mg_connection *connection,
		       struct v2m_reply *reply);
/* Whether the path is open to those without the API key. */
bool v2m_routes_open(const char *path);
/* Whether it reads the request's body itself. */
bool v2m_routes_read_body(const char *method, const char *path);

#endif
