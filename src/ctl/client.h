/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One HTTP request and what came of it, by libcurl. What an answer is worth is decided elsewhere.
 */
#ifndef V2METER_CTL_CLIENT_H
#define V2METER_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

struct v2m_client;

struct v2m_client_options {
	const char *url;     /* http or https, with a path prefix where there is one */
	const char *api_key; /* NULL: none is sent */
	long timeout_ms;     /* for a whole request, connecting included */
};

struct v2m_reply {
	bool sent;        /* the server may have seen (part of) the request */
	long status;      /* of HTTP; 0: no answer, or not all of it */
	bool called_json; /* by its Content-Type */
	json_t *json;     /* NULL: the body is no JSON, or not called so */
	char *body;       /* as it came, with a 0 behind it that is not counted; NULL: no answer */
	size_t length;
	char text[256]; /* one clause for a person: what came instead of a JSON answer of 200 */
};

/* 0, or -EINVAL with a sentence: the URL cannot be used; -ENOMEM. */
int v2m_client_new(const struct v2m_client_options *options, struct v2m_client **client,
		   struct v2m_error *error);
void v2m_client_freep(struct v2m_client **client);

/* The base of all paths, without a slash at its end. */
const char *v2m_client_url(const struct v2m_client *client);

/* Sends one request, once: nothing is retried behind the caller's back, no redirect is followed and
 * no proxy asked, so the API key goes to the named server only. Method "GET" or "POST"; the path
 * begins with a slash. *reply is filled in any case and the caller's to clear. */
void v2m_client_request(struct v2m_client *client, const char *method, const char *path,
			struct v2m_reply *reply);
/* The same for a POST with a body of JSON. It is sent only once the server has said that it wants
 * it, so that a refusal is never lost behind megabytes that nobody reads. */
void v2m_client_post(struct v2m_client *client, const char *path, const char *body, size_t length,
		     struct v2m_reply *reply);
void v2m_reply_clear(struct v2m_reply *reply);

/* Whether the last answer was 401. */
bool v2m_client_unauthorized(const struct v2m_client *client);

/* The server's "detail" where it is a sentence, else NULL. Lives as long as the reply. */
const char *v2m_reply_detail(const struct v2m_reply *reply);

/* Percent-encodes one path segment, the caller's to free; NULL: out of memory. */
char *v2m_client_escape(const char *segment);

#endif
