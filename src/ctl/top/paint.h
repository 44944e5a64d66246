/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Draws single lines on the screen of v2meterctl top. */
#ifndef V2METER_CTL_TOP_PAINT_H
#define V2METER_CTL_TOP_PAINT_H

#include "base/macros.h"
#include "ctl/top/screen.h"

enum v2m_top_paint {
	V2M_PAINT_PLAIN,
	V2M_PAINT_QUIET,
	V2M_PAINT_DOWN,
	V2M_PAINT_UP,
	V2M_PAINT_GOOD,
	V2M_PAINT_WARN,
	V2M_PAINT_BAD,
	V2M_PAINT_HEAD,
	V2M_PAINT_SELECTED,
};

/* Sets up the colours, if the view has them. */
void v2m_top_paint_start(const struct v2m_top_view *view);
/* Writes a text into exactly width columns at a place; what is beyond the screen is left out. */
void v2m_top_put(const struct v2m_top_view *view, int line, int column, int width,
		 enum v2m_top_paint paint, bool right, const char *clean);
/* The same for a whole line, from a format. */
void v2m_top_put_line(const struct v2m_top_view *view, int line, enum v2m_top_paint paint,
		      const char *format, ...) V2M_PRINTF(4, 5);

#endif
