/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handlers of the routes that export and import all totals as one document. */
#ifndef V2METER_HTTP_TRANSFER_ANSWERS_H
#define V2METER_HTTP_TRANSFER_ANSWERS_H

#include "http/exchange.h"

void v2m_http_answer_export(struct v2m_exchange *exchange);
void v2m_http_answer_import(struct v2m_exchange *exchange);

#endif
