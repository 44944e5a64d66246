// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/paint.h"

#include <curses.h>
#include <stdarg.h>
#include <stdio.h>

#include "ctl/top/fit.h"

/* The widest line that is drawn. */
#define WIDTH_MAX 512

static const short colours[] = {
	[V2M_PAINT_DOWN] = COLOR_CYAN,  [V2M_PAINT_UP] = COLOR_YELLOW,
	[V2M_PAINT_GOOD] = COLOR_GREEN, [V2M_PAINT_WARN] = COLOR_YELLOW,
	[V2M_PAINT_BAD] = COLOR_RED,
};

void v2m_top_paint_start(const struct v2m_top_view *view)
{
	if (!view->colour)
		return;
	start_color();
	use_default_colors();
	for (size_t i = 0; i < V2M_ARRAY_LEN(colours); i++)
		if (colours[i])
			init_pair((short)i, colours[i], -1);
}

/* Without colours, weight and reverse video tell the same. */
static attr_t attributes_of(const struct v2m_top_view *view, enum v2m_top_paint paint)
{
	switch (paint) {
	case V2M_PAINT_PLAIN:
		return A_NORMAL;
	case V2M_PAINT_QUIET:
		return A_DIM;
	case V2M_PAINT_HEAD:
		return A_BOLD | A_UNDERLINE;
	case V2M_PAINT_SELECTED:
		return A_REVERSE;
	default:
		return view->colour ? (attr_t)COLOR_PAIR(paint) : A_BOLD;
	}
}

void v2m_top_put(const struct v2m_top_view *view, int line, int column, int width,
		 enum v2m_top_paint paint, bool right, const char *clean)
{
	char text[4 * WIDTH_MAX + 1];

	if (line < 0 || line >= LINES || column >= COLS)
		return;
	if (width > COLS - column)
		width = COLS - column;
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	v2m_top_fit(clean, width, right, view->ascii, text, sizeof(text));
	attrset(attributes_of(view, paint));
	mvaddstr(line, column, text);
	attrset(A_NORMAL);
}

void v2m_top_put_line(const struct v2m_top_view *view, int line, enum v2m_top_paint paint,
		      const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	v2m_top_put(view, line, 0, COLS, paint, false, text);
}
