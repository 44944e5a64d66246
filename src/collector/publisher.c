// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/publisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/window.h"
#include "base/clock.h"
#include "base/log.h"

/* Between two windows, if the first one is withdrawn. A window costs more than the reset that
 * outdates it, and a panel may reset a thousand keys. */
#define PAUSE_NS UINT64_C(1000000000)

struct v2m_publisher {
	uint64_t ttl_ns;
	struct v2m_publisher_handlers handlers;
	sd_event_source *timer;
	uint64_t generation;
	struct v2m_snapshot *snapshot; /* NULL: no window is active */
	uint64_t published_ns;         /* the last window, CLOCK_MONOTONIC; 0: there was none */
	uint64_t expires_ns;           /* CLOCK_MONOTONIC */
	unsigned unread;               /* windows before the active one, since one was read */
	bool read;                     /* by anybody, since it is active */
	bool follows;                  /* the next window was promised when one was withdrawn */
	bool live;                     /* a live window was given out since the last withdrawal */
};

static int end_window(sd_event_source *timer, uint64_t due_us, void *context)
{
	struct v2m_publisher *publisher = context;

	(void)timer;
	(void)due_us;
	publisher->handlers.renew(publisher->handlers.context);
	return 0;
}

int v2m_publisher_open(sd_event *event, unsigned ttl_s,
		       const struct v2m_publisher_handlers *handlers,
		       struct v2m_publisher **publisher)
{
	struct v2m_publisher *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return -ENOMEM;
	made->ttl_ns = ttl_s * UINT64_C(1000000000);
	made->handlers = *handlers;
	result = sd_event_add_time(event, &made->timer, CLOCK_MONOTONIC, 0, V2M_TIMER_ACCURACY_US,
				   end_window, made);
	if (result >= 0)
		result = sd_event_source_set_enabled(made->timer, SD_EVENT_OFF);
	if (result < 0) {
		v2m_publisher_close(made);
		return result;
	}
	*publisher = made;
	return 0;
}

void v2m_publisher_close(struct v2m_publisher *publisher)
{
	if (!publisher)
		return;
	sd_event_source_unref(publisher->timer);
	v2m_snapshot_unref(publisher->snapshot);
	free(publisher);
}

struct v2m_snapshot *v2m_publisher_active(const struct v2m_publisher *publisher,
					  uint64_t *expires_ns)
{
	*expires_ns = publisher->expires_ns;
	return v2m_clock_mono_ns() < publisher->expires_ns ? publisher->snapshot : NULL;
}

void v2m_publisher_note_read(struct v2m_publisher *publisher, uint64_t generation)
{
	if (publisher->snapshot && publisher->snapshot->generation == generation)
		publisher->read = true;
}

bool v2m_publisher_is_wanted(const struct v2m_publisher *publisher)
{
	if (!publisher->snapshot)
		return publisher->follows;
	return publisher->read || publisher->unread < V2M_WINDOWS_UNREAD_MAX;
}

static void replace_snapshot(struct v2m_publisher *publisher, struct v2m_snapshot *snapshot,
			     uint64_t expires_ns)
{
	struct v2m_snapshot *old = publisher->snapshot;

	if (publisher->read)
		publisher->unread = 0;
	else if (old)
		publisher->unread++;
	publisher->snapshot = snapshot ? v2m_snapshot_ref(snapshot) : NULL;
	publisher->expires_ns = expires_ns;
	publisher->read = false;
	v2m_snapshot_unref(old);
}

/* The timer has whole microseconds: it must not run out before the window expires. */
static void set_timer(struct v2m_publisher *publisher, uint64_t due_ns)
{
	int result = sd_event_source_set_time(publisher->timer, due_ns / 1000 + 1);

	if (result >= 0)
		result = sd_event_source_set_enabled(publisher->timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the timer of the window cannot be set, so a request will wait for "
			      "the next window: %s",
			      strerror(-result));
}

uint64_t v2m_publisher_publish(struct v2m_publisher *publisher, struct v2m_snapshot *snapshot,
			       bool asked)
{
	uint64_t now_ns = v2m_clock_mono_ns();

	if (!publisher->ttl_ns)
		return 0;
	publisher->published_ns = now_ns;
	publisher->follows = false;
	publisher->read |= asked;
	replace_snapshot(publisher, snapshot, now_ns + publisher->ttl_ns);
	set_timer(publisher, publisher->expires_ns);
	return publisher->expires_ns;
}

static void withdraw_window(struct v2m_publisher *publisher, bool follows)
{
	bool had = publisher->snapshot || publisher->live || publisher->follows;

	publisher->follows = follows;
	publisher->live = false;
	replace_snapshot(publisher, NULL, 0);
	if (had)
		publisher->handlers.withdrawn(follows, publisher->handlers.context);
}

void v2m_publisher_withdraw(struct v2m_publisher *publisher)
{
	bool follows = v2m_publisher_is_wanted(publisher);

	if (follows)
		set_timer(publisher, publisher->published_ns + PAUSE_NS);
	withdraw_window(publisher, follows);
}

void v2m_publisher_end(struct v2m_publisher *publisher)
{
	sd_event_source_set_enabled(publisher->timer, SD_EVENT_OFF);
	withdraw_window(publisher, false);
}

void v2m_publisher_note_live(struct v2m_publisher *publisher)
{
	publisher->live = true;
}

uint64_t v2m_publisher_next_generation(struct v2m_publisher *publisher)
{
	return ++publisher->generation;
}
