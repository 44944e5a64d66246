/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The active window: the snapshot from which the API answers for cache_ttl_s. A window that was
 * read is renewed when it expires, so that no request waits for the next one.
 */
#ifndef V2METER_COLLECTOR_PUBLISHER_H
#define V2METER_COLLECTOR_PUBLISHER_H

#include <systemd/sd-event.h>

#include "accounting/snapshot.h"

struct v2m_publisher;

/* How late a timer of the event loop may be, in microseconds. The default of sd-event is 250 ms,
 * more than the shortest sample interval. */
#define V2M_TIMER_ACCURACY_US 1000

struct v2m_publisher_handlers {
	/* The active window expires. Publishes the next one, or withdraws this one. */
	void (*renew)(void *context);
	/* No window is active any more, and none is live. */
	void (*withdrawn)(void *context);
	void *context;
};

/* ttl_s: for how long a window is active, in seconds; 0: windows are not kept. 0 or -errno. */
int v2m_publisher_open(sd_event *event, unsigned ttl_s,
		       const struct v2m_publisher_handlers *handlers,
		       struct v2m_publisher **publisher);
/* Does nothing on NULL. */
void v2m_publisher_close(struct v2m_publisher *publisher);

/* The active snapshot, without a reference, or NULL. *expires_ns: CLOCK_MONOTONIC. */
struct v2m_snapshot *v2m_publisher_active(const struct v2m_publisher *publisher,
					  uint64_t *expires_ns);
/* Somebody has read the window with that generation. */
void v2m_publisher_note_read(struct v2m_publisher *publisher, uint64_t generation);
/* Whether somebody has read the active window. */
bool v2m_publisher_was_read(const struct v2m_publisher *publisher);

/* Makes a snapshot active, and takes a reference of its own. Returns when it expires,
 * CLOCK_MONOTONIC; 0: windows are not kept. */
uint64_t v2m_publisher_publish(struct v2m_publisher *publisher, struct v2m_snapshot *snapshot);
/* A live window was given out: a withdrawal ends it, too. */
void v2m_publisher_note_live(struct v2m_publisher *publisher);
/* No window is active any more, and none is live: the next request gets a new one. */
void v2m_publisher_withdraw(struct v2m_publisher *publisher);

/* The number of the next snapshot: each is higher than the one before. */
uint64_t v2m_publisher_next_generation(struct v2m_publisher *publisher);

#endif
