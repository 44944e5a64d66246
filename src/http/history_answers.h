/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handlers of the routes about history. */
#ifndef V2METER_HTTP_HISTORY_ANSWERS_H
#define V2METER_HTTP_HISTORY_ANSWERS_H

#include "api/history.h"
#include "http/exchange.h"

void v2m_http_answer_history(struct v2m_exchange *exchange);
void v2m_http_answer_history_date(struct v2m_exchange *exchange);
void v2m_http_answer_history_reset(struct v2m_exchange *exchange);
void v2m_http_answer_history_cleanup(struct v2m_exchange *exchange);

/* Replies with what the renderer asks the meter for. The reply has its window. name: of the body in
 * the window. Sets the argument's meter and verdict. */
void v2m_http_answer_from_history(struct v2m_exchange *exchange, const char *name,
				  v2m_render render, struct v2m_history_argument *argument);

#endif
