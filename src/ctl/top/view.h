/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Draws the screen of v2meterctl top, and changes it by the keyboard. Needs curses to be started.
 */
#ifndef V2METER_CTL_TOP_VIEW_H
#define V2METER_CTL_TOP_VIEW_H

#include "ctl/top/feed.h"
#include "ctl/top/screen.h"

void v2m_top_view_draw(struct v2m_top_view *view, const struct v2m_top_feed *feed);
/* Changes the view by a key of the keyboard. False: the program is to end. *ask_detail becomes true
 * if the detail has to be asked for. */
bool v2m_top_view_type(struct v2m_top_view *view, const struct v2m_top_feed *feed, int typed,
		       bool *ask_detail);
/* The selected row. NULL: there is no row. */
const struct v2m_top_row *v2m_top_view_row(const struct v2m_top_view *view,
					   const struct v2m_top_feed *feed);
void v2m_top_view_clear(struct v2m_top_view *view);

#endif
