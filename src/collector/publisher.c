// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/publisher.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "collector/timer.h"

/* A window that was read goes on answering this long after it expired, while the next one is made.
 */
#define RENEWAL_GRACE_NS UINT64_C(1000000000)
#define LIVE_NS          UINT64_C(1000000000)

struct v2m_publisher {
	uint64_t ttl_ns;
	v2m_publisher_renew renew;
	void *context;
	sd_event_source *timer;
	uint64_t generation;
	/* The lock guards the rest. */
	pthread_mutex_t lock;
	struct v2m_window *window; /* NULL: no window is active */
	uint64_t expires_ns;       /* CLOCK_MONOTONIC */
	bool read;                 /* by anybody, since it is active */
	struct v2m_window *live;   /* NULL: there is none */
	uint64_t live_ends_ns;     /* CLOCK_MONOTONIC */
};

static int end_window(sd_event_source *timer, uint64_t due_us, void *context)
{
	struct v2m_publisher *publisher = context;

	(void)timer;
	(void)due_us;
	publisher->renew(publisher->context);
	return 0;
}

int v2m_publisher_open(sd_event *event, unsigned ttl_s, v2m_publisher_renew renew, void *context,
		       struct v2m_publisher **publisher)
{
	struct v2m_publisher *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return -ENOMEM;
	made->ttl_ns = ttl_s * UINT64_C(1000000000);
	made->renew = renew;
	made->context = context;
	pthread_mutex_init(&made->lock, NULL);
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
	v2m_window_unref(publisher->window);
	v2m_window_unref(publisher->live);
	pthread_mutex_destroy(&publisher->lock);
	free(publisher);
}

struct v2m_window *v2m_publisher_window(struct v2m_publisher *publisher)
{
	struct v2m_window *window = NULL;
	uint64_t now = v2m_clock_mono_ns();

	pthread_mutex_lock(&publisher->lock);
	if (publisher->window &&
	    now < publisher->expires_ns + (publisher->read ? RENEWAL_GRACE_NS : 0)) {
		publisher->read = true;
		window = v2m_window_ref(publisher->window);
	}
	pthread_mutex_unlock(&publisher->lock);
	return window;
}

struct v2m_window *v2m_publisher_read_window(struct v2m_publisher *publisher)
{
	struct v2m_window *window = NULL;

	pthread_mutex_lock(&publisher->lock);
	if (publisher->window && publisher->read)
		window = v2m_window_ref(publisher->window);
	pthread_mutex_unlock(&publisher->lock);
	return window;
}

struct v2m_window *v2m_publisher_live(struct v2m_publisher *publisher)
{
	struct v2m_window *window = NULL;

	pthread_mutex_lock(&publisher->lock);
	if (publisher->live && v2m_clock_mono_ns() < publisher->live_ends_ns)
		window = v2m_window_ref(publisher->live);
	pthread_mutex_unlock(&publisher->lock);
	return window;
}

static void replace_live(struct v2m_publisher *publisher, struct v2m_window *window)
{
	struct v2m_window *old;

	pthread_mutex_lock(&publisher->lock);
	old = publisher->live;
	publisher->live = window ? v2m_window_ref(window) : NULL;
	publisher->live_ends_ns = v2m_clock_mono_ns() + LIVE_NS;
	pthread_mutex_unlock(&publisher->lock);
	v2m_window_unref(old);
}

void v2m_publisher_publish_live(struct v2m_publisher *publisher, struct v2m_window *window)
{
	replace_live(publisher, window);
}

static void replace_window(struct v2m_publisher *publisher, struct v2m_window *window,
			   uint64_t expires_ns)
{
	struct v2m_window *old;

	pthread_mutex_lock(&publisher->lock);
	old = publisher->window;
	publisher->window = window ? v2m_window_ref(window) : NULL;
	publisher->expires_ns = expires_ns;
	publisher->read = false;
	pthread_mutex_unlock(&publisher->lock);
	v2m_window_unref(old);
}

void v2m_publisher_publish(struct v2m_publisher *publisher, struct v2m_window *window)
{
	uint64_t expires_ns = v2m_clock_mono_ns() + publisher->ttl_ns;
	int result;

	if (!publisher->ttl_ns)
		return;
	replace_window(publisher, window, expires_ns);
	/* The timer has whole microseconds: it must not run out before the window expires. */
	result = sd_event_source_set_time(publisher->timer, expires_ns / 1000 + 1);
	if (result >= 0)
		result = sd_event_source_set_enabled(publisher->timer, SD_EVENT_ONESHOT);
	if (result < 0)
		v2m_log_error("the timer of the window cannot be set, so a request will wait for "
			      "the next window: %s",
			      strerror(-result));
}

void v2m_publisher_withdraw(struct v2m_publisher *publisher)
{
	replace_window(publisher, NULL, 0);
	replace_live(publisher, NULL);
	sd_event_source_set_enabled(publisher->timer, SD_EVENT_OFF);
}

uint64_t v2m_publisher_next_generation(struct v2m_publisher *publisher)
{
	return ++publisher->generation;
}
