// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answering/live_window.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

#define LIVE_NS UINT64_C(1000000000)

struct v2m_live_window {
	pthread_mutex_t lock;
	struct v2m_window *window; /* NULL: there is none */
	uint64_t ends_ns;          /* CLOCK_MONOTONIC */
};

struct v2m_live_window *v2m_live_window_new(void)
{
	struct v2m_live_window *live = calloc(1, sizeof(*live));

	if (live)
		pthread_mutex_init(&live->lock, NULL);
	return live;
}

struct v2m_window *v2m_live_window_read(struct v2m_live_window *live)
{
	struct v2m_window *window = NULL;

	pthread_mutex_lock(&live->lock);
	if (live->window && v2m_clock_mono_ns() < live->ends_ns)
		window = v2m_window_ref(live->window);
	pthread_mutex_unlock(&live->lock);
	return window;
}

void v2m_live_window_set(struct v2m_live_window *live, struct v2m_window *window)
{
	struct v2m_window *old;

	pthread_mutex_lock(&live->lock);
	old = live->window;
	live->window = window ? v2m_window_ref(window) : NULL;
	live->ends_ns = v2m_clock_mono_ns() + LIVE_NS;
	pthread_mutex_unlock(&live->lock);
	v2m_window_unref(old);
}
