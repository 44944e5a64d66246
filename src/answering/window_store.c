// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answering/window_store.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A window goes on answering this long after it expired, while the next one is made. If none is
 * made, it is withdrawn. */
#define RENEWAL_GRACE_NS UINT64_C(1000000000)

struct v2m_window_store {
	v2m_window_was_read was_read;
	void *context;
	pthread_mutex_t lock; /* for the rest */
	struct v2m_window *window;
	uint64_t expires_ns;
	bool read;               /* by anybody, since it is active */
	struct v2m_window *last; /* was withdrawn, and the next one follows; otherwise NULL */
	struct v2m_window *next; /* is rendered, and becomes active then; NULL: none */
	uint64_t next_expires_ns;
	pthread_cond_t has_next;
};

/* The windows have a reference or are NULL. The lock is held; *old and *last are the caller's to
 * release, without the lock. */
static void make_active(struct v2m_window_store *store, struct v2m_window *window,
			uint64_t expires_ns, struct v2m_window **old, struct v2m_window **last)
{
	*old = store->window;
	*last = V2M_TAKE(store->last);
	store->window = window;
	store->expires_ns = expires_ns;
	store->read = false;
}

/* Waits until there is a next window. *last gets the one before it, which may be NULL. */
static struct v2m_window *take_next(struct v2m_window_store *store, struct v2m_window **last)
{
	struct v2m_window *next;
	struct v2m_window *before;

	pthread_mutex_lock(&store->lock);
	while (!store->next)
		pthread_cond_wait(&store->has_next, &store->lock);
	next = v2m_window_ref(store->next);
	before = store->window ? store->window : store->last;
	*last = before ? v2m_window_ref(before) : NULL;
	pthread_mutex_unlock(&store->lock);
	return next;
}

static void render_next(struct v2m_window_store *store)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *last = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old_last = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *next = take_next(store, &last);

	if (last)
		v2m_window_warm(next, last);
	pthread_mutex_lock(&store->lock);
	/* Otherwise it was withdrawn, or a newer one has taken its place. */
	if (store->next == next)
		make_active(store, V2M_TAKE(store->next), store->next_expires_ns, &old, &old_last);
	pthread_mutex_unlock(&store->lock);
}

static void *keep_rendering(void *argument)
{
	for (;;)
		render_next(argument);
	return NULL;
}

struct v2m_window_store *v2m_window_store_new(v2m_window_was_read was_read, void *context)
{
	struct v2m_window_store *store = calloc(1, sizeof(*store));
	pthread_t thread;

	if (!store)
		return NULL;
	store->was_read = was_read;
	store->context = context;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->has_next, NULL);
	if (pthread_create(&thread, NULL, keep_rendering, store)) {
		free(store);
		return NULL;
	}
	pthread_detach(thread);
	return store;
}

struct v2m_window *v2m_window_store_read(struct v2m_window_store *store)
{
	struct v2m_window *window = NULL;
	uint64_t now_ns = v2m_clock_mono_ns();
	bool first = false;

	pthread_mutex_lock(&store->lock);
	if (store->window && now_ns < store->expires_ns + RENEWAL_GRACE_NS) {
		first = !store->read;
		store->read = true;
		window = v2m_window_ref(store->window);
	}
	pthread_mutex_unlock(&store->lock);
	if (first)
		store->was_read(store->context, v2m_window_snapshot(window)->generation);
	return window;
}

struct v2m_window *v2m_window_store_find(struct v2m_window_store *store, uint64_t generation)
{
	struct v2m_window *window = NULL;

	pthread_mutex_lock(&store->lock);
	if (store->window && v2m_window_snapshot(store->window)->generation == generation)
		window = v2m_window_ref(store->window);
	else if (store->next && v2m_window_snapshot(store->next)->generation == generation)
		window = v2m_window_ref(store->next);
	pthread_mutex_unlock(&store->lock);
	return window;
}

void v2m_window_store_activate(struct v2m_window_store *store, struct v2m_window *window,
			       uint64_t expires_ns, bool ahead)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old_last = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old_next = NULL;
	bool has_next;

	pthread_mutex_lock(&store->lock);
	old_next = V2M_TAKE(store->next);
	has_next = ahead && (store->window || store->last);
	if (has_next) {
		store->next = v2m_window_ref(window);
		store->next_expires_ns = expires_ns;
	} else if (store->window != window) {
		make_active(store, v2m_window_ref(window), expires_ns, &old, &old_last);
	}
	pthread_mutex_unlock(&store->lock);
	/* Without the lock: the thread that wakes up may take this one's CPU for milliseconds, and
	 * every request would wait for the lock. */
	if (has_next)
		pthread_cond_signal(&store->has_next);
}

void v2m_window_store_withdraw(struct v2m_window_store *store, bool follows)
{
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old_last = NULL;
	V2M_CLEANUP(v2m_window_unrefp) struct v2m_window *old_next = NULL;

	pthread_mutex_lock(&store->lock);
	old_next = V2M_TAKE(store->next);
	make_active(store, NULL, 0, &old, &old_last);
	if (follows)
		store->last = old ? V2M_TAKE(old) : V2M_TAKE(old_last);
	pthread_mutex_unlock(&store->lock);
}
