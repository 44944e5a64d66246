// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/publisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

struct v2m_publisher {
	uint64_t ttl_ns;
	struct v2m_publisher_handlers handlers;
	sd_event_source *timer;
	uint64_t generation;
	struct v2m_snapshot *snapshot; /* NULL: no window is active */
	uint64_t expires_ns;           /* CLOCK_MONOTONIC */
	bool read;                     /* by anybody, since it is active */
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

bool v2m_publisher_was_read(const struct v2m_publisher *publisher)
{
	return publisher->snapshot && publisher->read;
}

static void replace_snapshot(struct v2m_publisher *publisher, struct v2m_snapshot *snapshot,
			     uint64_t expires_ns)
{
	struct v2m_snapshot *old = publisher->snapshot;

	publisher->snapshot = snapshot ? v2m_snapshot_ref(snapshot) : NULL;
	publisher->expires_ns = expires_ns;
	publisher->read = false;
	v2m_snapshot_unref(old);
}

uint64_t v2m_publisher_publish(struct v2m_publisher *publisher, struct v2m_snapshot *snapshot)
{
	uint64_t expires_ns = v2m_clock_mono_ns() + publisher->ttl_ns;
	int result;

	if (!publisher->ttl_ns)
		return 0;
	replace_snapshot(publisher, snapshot, expires_ns);
	/* The timer has whole microseconds: it must not run out before the window expires. */
	result = sd_event_source_set_time(publisher->timer, expires_ns / 1000 + 1);
	if (result >= 0)
		result = sd_event_source_set_enabled(publisher->timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the timer of the window cannot be set, so a request will wait for "
			      "the next window: %s",
			      strerror(-result));
	return expires_ns;
}

void v2m_publisher_withdraw(struct v2m_publisher *publisher)
{
	sd_event_source_set_enabled(publisher->timer, SD_EVENT_OFF);
	if (!publisher->snapshot && !publisher->live)
		return;
	publisher->live = false;
	replace_snapshot(publisher, NULL, 0);
	publisher->handlers.withdrawn(publisher->handlers.context);
}

void v2m_publisher_note_live(struct v2m_publisher *publisher)
{
	publisher->live = true;
}

uint64_t v2m_publisher_next_generation(struct v2m_publisher *publisher)
{
	return ++publisher->generation;
}
