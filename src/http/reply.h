/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reply to one request: its body, its headers, and how it is sent. */
#ifndef V2METER_HTTP_REPLY_H
#define V2METER_HTTP_REPLY_H

#include <civetweb.h>
#include <stdbool.h>

#include "api/body.h"
#include "api/window.h"

/* Starts with zeros. v2m_http_reply_send() releases own and window. */
struct v2m_http_reply {
	const struct v2m_body *body; /* belongs to window, or points to own */
	struct v2m_body own;
	struct v2m_window *window; /* a reference, held while body is in use; NULL: none */
	const char *type; /* Content-Type; NULL: JSON. With it and without window, any cache may
			     keep the body */
	const char *more_headers; /* whole lines, or NULL */
	char etag[64];            /* with its quotes, or "" */
	bool gzip;                /* body is compressed */
	char allow[64];           /* methods for a 405, or "" */
	bool head;                /* send the headers only */
	bool close;               /* end the connection after the reply */
	bool linger;              /* with close: first read some of the request's body */
};

/* The bytes of two replies that the gate sends: civetweb never sees these requests. A request did
 * not arrive in time. */
extern const char v2m_http_late_request[];
/* Too many wrong API keys of an address wait to be answered. */
extern const char v2m_http_guesser_refusal[];

/* Replies with an error. code is the stable word, detail the sentence. */
void v2m_http_reply_error(struct v2m_http_reply *reply, int status, const char *code,
			  const char *detail);
/* Replies with the body that a renderer has left in reply->own. result is what the renderer
 * returned: 0 or -ENOMEM. */
void v2m_http_reply_own(struct v2m_http_reply *reply, int result);
/* Replies with 304. reply->etag is set. */
void v2m_http_reply_not_modified(struct v2m_http_reply *reply);
/* Sends the reply and releases what it holds. */
void v2m_http_reply_send(struct mg_connection *connection, struct v2m_http_reply *reply);

#endif
