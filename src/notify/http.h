/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One HTTP request and its answer, through libcurl. No request follows a redirect. */
#ifndef V2METER_NOTIFY_HTTP_H
#define V2METER_NOTIFY_HTTP_H

#include <signal.h>
#include <stddef.h>

/* No server may silence a channel for longer. */
#define V2M_RETRY_AFTER_MAX_S 3600

struct v2m_http_request {
	const char *url;
	const char *api_key; /* for X-API-Key; NULL: none */
	const char *body;    /* JSON to post; NULL: a GET */
	const char *proxy;   /* NULL: none, whatever the environment says */
	unsigned timeout_s;  /* for the whole exchange */
	size_t answer_max;   /* bytes of an answer that are kept; a GET fails if there are more */
};

struct v2m_http_answer {
	long status; /* 0: no answer */
	char *body;  /* ends with a 0; "" if there is none, NULL if memory ran out */
	size_t length;
	unsigned retry_after_s; /* as the server asks, at most the above; 0: it does not */
	char problem[256];      /* why there is no answer; never holds the URL */
};

/* Sends the request once. *answer is always filled; the caller clears it. */
void v2m_http_send(const struct v2m_http_request *request, struct v2m_http_answer *answer);
void v2m_http_answer_clear(struct v2m_http_answer *answer);

/* A signal handler sets it; requests and commands then end at once. */
extern volatile sig_atomic_t v2m_notify_stop;

#endif
