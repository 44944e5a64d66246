/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One key on the screen of v2meterctl top, with its connections. */
#ifndef V2METER_CTL_TOP_DETAIL_H
#define V2METER_CTL_TOP_DETAIL_H

#include "ctl/top/screen.h"

/* Asks for that key; does nothing for NULL or a port. Without an answer the last one stays, and
 * detail_error says why. */
void v2m_top_detail_read(struct v2m_top_view *view, const struct v2m_top_row *row);
/* row: NULL if the server has the key no more. */
void v2m_top_detail_draw(const struct v2m_top_view *view, const struct v2m_top_row *row);
/* The number of connections in the answer. */
size_t v2m_top_detail_count(const struct v2m_top_view *view);

#endif
