/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The active window: the one to answer from until it expires or is withdrawn. A window that comes
 * unasked is rendered before it becomes active, so that no request waits for that.
 */
#ifndef V2METER_ANSWERING_WINDOW_STORE_H
#define V2METER_ANSWERING_WINDOW_STORE_H

#include "api/window.h"

struct v2m_window_store;

/* Called by the first reader of each active window. Any thread. */
typedef void (*v2m_window_was_read)(void *context, uint64_t generation);

/* Starts the thread that renders ahead. NULL: no memory for it. */
struct v2m_window_store *v2m_window_store_new(v2m_window_was_read was_read, void *context);

/* The active window with a reference, or NULL. Any thread. */
struct v2m_window *v2m_window_store_read(struct v2m_window_store *store);
/* The active window or the one that is rendered ahead, with a reference, if it has that generation;
 * else NULL. It does not count as read. */
struct v2m_window *v2m_window_store_find(struct v2m_window_store *store, uint64_t generation);

/* Makes a window active until expires_ns (CLOCK_MONOTONIC). It takes a reference of its own. ahead:
 * first renders what was asked for in the last window. If that is active, it goes on answering
 * meanwhile, at most a second longer than it is valid. */
void v2m_window_store_activate(struct v2m_window_store *store, struct v2m_window *window,
			       uint64_t expires_ns, bool ahead);
/* No window is active any more, and none that is being rendered becomes it. follows: the next one
 * comes ahead, and what was asked for in this one is kept for it. */
void v2m_window_store_withdraw(struct v2m_window_store *store, bool follows);

#endif
