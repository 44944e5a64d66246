/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The active window: the one from which the API answers for cache_ttl_s. A window that was read is
 * renewed when it expires, so that no request waits for the next one. Beside it there may be a live
 * window, which is never renewed.
 */
#ifndef V2METER_COLLECTOR_PUBLISHER_H
#define V2METER_COLLECTOR_PUBLISHER_H

#include <systemd/sd-event.h>

#include "api/window.h"

struct v2m_publisher;

/* Called on the thread of the event loop when the active window expires. It publishes the next
 * window, or withdraws this one. */
typedef void (*v2m_publisher_renew)(void *context);

/* ttl_s: for how long a window is active, in seconds; 0: windows are not kept. 0 or -errno. */
int v2m_publisher_open(sd_event *event, unsigned ttl_s, v2m_publisher_renew renew, void *context,
		       struct v2m_publisher **publisher);
/* Does nothing on NULL. */
void v2m_publisher_close(struct v2m_publisher *publisher);

/* The active window with a reference, or NULL. The window counts as read. Any thread. */
struct v2m_window *v2m_publisher_window(struct v2m_publisher *publisher);
/* The same if somebody has read the window, even if it has expired; else NULL. */
struct v2m_window *v2m_publisher_read_window(struct v2m_publisher *publisher);

/* The live window with a reference if it is at most a second old, or NULL. Any thread. */
struct v2m_window *v2m_publisher_live(struct v2m_publisher *publisher);
/* Makes a window the live one. It takes a reference of its own. */
void v2m_publisher_publish_live(struct v2m_publisher *publisher, struct v2m_window *window);

/* Makes a window active. It takes a reference of its own. */
void v2m_publisher_publish(struct v2m_publisher *publisher, struct v2m_window *window);
/* No window is active any more, and none is live: the next request gets a new one. */
void v2m_publisher_withdraw(struct v2m_publisher *publisher);

/* The number of the next snapshot: each is higher than the one before. */
uint64_t v2m_publisher_next_generation(struct v2m_publisher *publisher);

#endif
