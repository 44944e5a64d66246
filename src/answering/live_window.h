/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last window for live questions, which answers for a second. Any thread. */
#ifndef V2METER_ANSWERING_LIVE_WINDOW_H
#define V2METER_ANSWERING_LIVE_WINDOW_H

#include "api/window.h"

struct v2m_live_window;

/* NULL: out of memory. It lives as long as the process. */
struct v2m_live_window *v2m_live_window_new(void);
/* The window with a reference if it is at most a second old, or NULL. */
struct v2m_window *v2m_live_window_read(struct v2m_live_window *live);
/* Takes a reference of its own. NULL: there is none any more. */
void v2m_live_window_set(struct v2m_live_window *live, struct v2m_window *window);

#endif
