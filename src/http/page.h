/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The page for people, GET /ui, and its files, GET /ui/{file}. They hold no data and need no API
 * key: the page asks for the key and sends it with its own requests. */
#ifndef V2METER_HTTP_PAGE_H
#define V2METER_HTTP_PAGE_H

#include "http/exchange.h"

void v2m_http_answer_page(struct v2m_exchange *exchange);
void v2m_http_answer_page_slash(struct v2m_exchange *exchange);
void v2m_http_answer_page_file(struct v2m_exchange *exchange);

#endif
