/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The active window: the snapshot from which the API answers for cache_ttl_s. If somebody has read
 * it or one of the last V2M_WINDOWS_UNREAD_MAX windows, it is renewed when it expires, and soon
 * after it was withdrawn, so that requests do not wait for the next one.
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
	/* The next window is due. Publishes it if it is wanted, or ends the active one. */
	void (*renew)(void *context);
	/* No window is active any more, and none is live. follows: the next one comes without a
	 * request. */
	void (*withdrawn)(bool follows, void *context);
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
/* Whether the next window is to be made before anybody asks for it. */
bool v2m_publisher_is_wanted(const struct v2m_publisher *publisher);

/* Makes a snapshot active, and takes a reference of its own. asked: a request waits for it. Returns
 * when it expires, CLOCK_MONOTONIC; 0: windows are not kept. */
uint64_t v2m_publisher_publish(struct v2m_publisher *publisher, struct v2m_snapshot *snapshot,
			       bool asked);
/* A live window was given out: a withdrawal ends it, too. */
void v2m_publisher_note_live(struct v2m_publisher *publisher);
/* The active window and the live one are outdated: the next request gets a new one. If it is
 * wanted, the next one is due at once, but not within a second of the last one. */
void v2m_publisher_withdraw(struct v2m_publisher *publisher);
/* The same, and no window is due any more. */
void v2m_publisher_end(struct v2m_publisher *publisher);

/* The number of the next snapshot: each is higher than the one before. */
uint64_t v2m_publisher_next_generation(struct v2m_publisher *publisher);

#endif
