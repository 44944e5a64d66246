/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One HTTP request and its reply, through libcurl. fallback.h decides whether a reply is usable. */
#ifndef V2METER_CTL_CLIENT_H
#define V2METER_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

struct v2m_client;

struct v2m_client_options {
	const char *url;     /* http or https, perhaps with a path prefix */
	const char *api_key; /* NULL: send none */
	long timeout_ms;     /* for a whole request, including the connect */
};

struct v2m_client_reply {
	bool sent;        /* the server may have seen the request, or a part of it */
	long status;      /* HTTP status; 0: no answer, or only a part of one */
	bool called_json; /* its Content-Type says JSON */
	json_t *json;     /* NULL: the body is not JSON, or its Content-Type does not say so */
	char *body;       /* as it came, then a 0 that length does not count; NULL: no answer */
	size_t length;
	char text[256]; /* for a person: what came instead of JSON with status 200; else "" */
};

/* 0; -EINVAL with a sentence if the URL cannot be used; -ENOMEM. */
int v2m_client_new(const struct v2m_client_options *options, struct v2m_client **client,
		   struct v2m_error *error);
void v2m_client_freep(struct v2m_client **client);

/* The URL that all paths are appended to. It does not end with a slash. */
const char *v2m_client_url(const struct v2m_client *client);

/* Sends one request exactly once: it is never retried. Follows no redirect and uses no proxy, so
 * the API key goes only to the named server. method is "GET" or "POST"; path begins with a slash.
 * *reply is always filled; the caller clears it. */
void v2m_client_request(struct v2m_client *client, const char *method, const char *path,
			struct v2m_client_reply *reply);
/* The same for a POST with a JSON body. The body is sent when the server has asked for it with "100
 * Continue". So a refusal is not lost while the server leaves megabytes unread. */
void v2m_client_post(struct v2m_client *client, const char *path, const char *body, size_t length,
		     struct v2m_client_reply *reply);
void v2m_client_reply_clear(struct v2m_client_reply *reply);

/* Whether the last answer was 401. */
bool v2m_client_unauthorized(const struct v2m_client *client);

/* The reason why the reply is not usable: text, or a clause about JSON of another shape. */
const char *v2m_client_reply_text(const struct v2m_client_reply *reply);
/* The "detail" of the server's answer if it is a string, else NULL. Valid as long as the reply. */
const char *v2m_client_reply_detail(const struct v2m_client_reply *reply);

/* Percent-encodes one path segment. The caller frees the result. NULL: out of memory. */
char *v2m_client_escape(const char *segment);

#endif
