/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A cache window: one snapshot and the bodies rendered from it. Every body is rendered once, by the
 * first request that wants it, and shared by all others; two reads in a window are byte-identical.
 * Thread-safe, shared by reference count.
 */
#ifndef V2METER_API_WINDOW_H
#define V2METER_API_WINDOW_H

#include "accounting/snapshot.h"
#include "api/body.h"
#include "base/api_bytes.h"

struct v2m_window;

/* How many windows in a row are made, and bodies in them are rendered, for nobody: for the next
 * request of a client that asks less often than windows are renewed. With the default cache_ttl_s
 * this is an hour. docs/performance.md says what such a window costs. */
#define V2M_WINDOWS_UNREAD_MAX 120

/* Renders one answer from a snapshot. Each renderer says what its argument is. 0 with *body filled
 * (data malloc'd), or -errno. */
typedef int (*v2m_render)(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			  const void *argument, struct v2m_body *body);

/* Takes over the reference to snapshot. NULL: out of memory, and the snapshot is released. */
struct v2m_window *v2m_window_new(struct v2m_snapshot *snapshot, enum v2m_api_bytes unit);
struct v2m_window *v2m_window_ref(struct v2m_window *window);
void v2m_window_unref(struct v2m_window *window);
void v2m_window_unrefp(struct v2m_window **window);
const struct v2m_snapshot *v2m_window_snapshot(const struct v2m_window *window);

/* The body of that name, rendered now if nobody has asked for it in this window. ahead: the next
 * window may render it before anybody asks; then the argument belongs to the key set, and render
 * does not wait. NULL: it could not be rendered, or the window holds too many bodies already. */
const struct v2m_body *v2m_window_body(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument, bool ahead);
/* The same body compressed by gzip, which is done once, too. */
const struct v2m_body *v2m_window_gzip(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument, bool ahead);

/* Renders in a new window what was asked for in the last one or in the V2M_WINDOWS_UNREAD_MAX - 1
 * before it, before anybody reads the new one: no request waits for it. If the key set has changed,
 * only what has no argument. */
void v2m_window_warm(struct v2m_window *window, struct v2m_window *last);

#endif
