/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A request on its way from the route table to the answer. Private to the HTTP side. */
#ifndef V2METER_HTTP_EXCHANGE_H
#define V2METER_HTTP_EXCHANGE_H

#include "http/server.h"
#include "api/history.h"
#include "api/traffic.h"

struct exchange;

/* What is served under a path: a handler, and what that one handler needs to know. */
struct route {
	const char *method;
	const char *pattern; /* "{}" stands for one segment of the path */
	void (*handle)(struct exchange *exchange);
	v2m_render render;
	const char *name;    /* of the body in the window: the same answer under two paths is one */
	const char *healthy; /* of a health path: its word for it */
	v2m_render_reset render_reset;
	bool per_key;     /* {} is a key */
	bool open;        /* without the API key */
	bool active_only; /* 400 where the key is switched off */
	bool monthly;     /* takes year_month */
	bool reads_body;  /* the handler does; otherwise it has been read and dropped */
};

struct exchange {
	struct v2m_http *http;
	struct mg_connection *connection;
	const struct route *route;
	const char *parameter; /* what {} stood for, decoded */
	struct v2m_reply *reply;
};

/* answers.c */
void answer_root(struct exchange *exchange);
void answer_health(struct exchange *exchange);
void answer_not_served(struct exchange *exchange);
void answer_meter_status(struct exchange *exchange);
void answer_rendered(struct exchange *exchange);
void answer_reset(struct exchange *exchange);
void answer_verdict(struct v2m_reply *reply, enum v2m_verdict verdict);
/* The window to answer from, fresh where the request asks for that; false: there is none, and the
 * answer says so. */
bool exchange_take_window(struct exchange *exchange);
/* The key of the path in the reply's window; NULL: it cannot be had, and the answer says so. */
const struct v2m_key *exchange_find_key(struct exchange *exchange);

/* history_answers.c */
void answer_history(struct exchange *exchange);
void answer_history_date(struct exchange *exchange);
/* Renders what the meter is asked for; the reply has its window, name is the body's in it. */
void answer_from_history(struct exchange *exchange, const char *name, v2m_render render,
			 struct v2m_history_argument *argument);
void answer_history_reset(struct exchange *exchange);
void answer_history_cleanup(struct exchange *exchange);

/* rate_history_answers.c */
void answer_rates(struct exchange *exchange);
void answer_hours(struct exchange *exchange);

/* transfer_answers.c */
void answer_export(struct exchange *exchange);
void answer_import(struct exchange *exchange);

/* decode.c: decodes percent-encodings. False: one is wrong or stands for 0, or size is too small.
 */
bool v2m_percent_decode(const char *text, size_t length, char *decoded, size_t size);
/* The first parameter of that name in a query string, NULL allowed. 0; -ENOENT: it is not there;
 * -EINVAL: it cannot be decoded or is too long. */
int v2m_query_value(const char *query, const char *name, char *value, size_t size);

#endif
