/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handlers of the routes that give a key's traffic over time, for drawing it. */
#ifndef V2METER_HTTP_RATE_HISTORY_ANSWERS_H
#define V2METER_HTTP_RATE_HISTORY_ANSWERS_H

#include "http/exchange.h"

/* The rate history. */
void v2m_http_answer_rates(struct v2m_exchange *exchange);
/* The bytes of each hour between two dates. */
void v2m_http_answer_hours(struct v2m_exchange *exchange);

#endif
