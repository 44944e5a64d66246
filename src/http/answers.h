/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handlers of the routes about keys, traffic, health and the meter itself. */
#ifndef V2METER_HTTP_ANSWERS_H
#define V2METER_HTTP_ANSWERS_H

#include "http/exchange.h"

void v2m_http_answer_root(struct v2m_exchange *exchange);
void v2m_http_answer_health(struct v2m_exchange *exchange);
/* 404 for a call that belongs to the panel. */
void v2m_http_answer_not_served(struct v2m_exchange *exchange);
void v2m_http_answer_budget(struct v2m_exchange *exchange);
void v2m_http_answer_live(struct v2m_exchange *exchange);
void v2m_http_answer_metrics(struct v2m_exchange *exchange);
void v2m_http_answer_meter_status(struct v2m_exchange *exchange);
/* The body that the route's renderer makes of the window's snapshot. */
void v2m_http_answer_rendered(struct v2m_exchange *exchange);
void v2m_http_answer_reset(struct v2m_exchange *exchange);

#endif
