// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/window.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/gzip.h"

/* Per-key bodies of a thousand keys still find theirs in a few steps; 4 KiB a window. */
#define BUCKETS 512

/* Lives as long as the window and never moves, so that a body may be read without a lock. */
struct entry {
	struct entry *next;
	pthread_mutex_t lock; /* held while the body is rendered: the others wait for it here */
	bool rendered;
	bool compressed;
	bool asked; /* by a request, in this window */
	bool asked_gzip;
	v2m_render render; /* with argument: how, for the next window to do the same */
	const void *argument;
	struct v2m_body body;
	struct v2m_body gzip; /* of body */
	char name[];
};

struct v2m_window {
	unsigned references; /* atomic */
	enum v2m_api_bytes unit;
	struct v2m_snapshot *snapshot;
	pthread_mutex_t lock; /* of the buckets; never held while rendering */
	struct entry *buckets[BUCKETS];
};

struct v2m_window *v2m_window_new(struct v2m_snapshot *snapshot, enum v2m_api_bytes unit)
{
	struct v2m_window *window = calloc(1, sizeof(*window));

	if (!window) {
		v2m_snapshot_unref(snapshot);
		return NULL;
	}
	window->references = 1;
	window->unit = unit;
	window->snapshot = snapshot;
	pthread_mutex_init(&window->lock, NULL);
	return window;
}

struct v2m_window *v2m_window_ref(struct v2m_window *window)
{
	__atomic_add_fetch(&window->references, 1, __ATOMIC_RELAXED);
	return window;
}

static void entry_free(struct entry *entry)
{
	pthread_mutex_destroy(&entry->lock);
	free(entry->body.data);
	free(entry->gzip.data);
	free(entry);
}

void v2m_window_unref(struct v2m_window *window)
{
	if (!window || __atomic_sub_fetch(&window->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (window->buckets[i]) {
			struct entry *entry = window->buckets[i];

			window->buckets[i] = entry->next;
			entry_free(entry);
		}
	}
	pthread_mutex_destroy(&window->lock);
	v2m_snapshot_unref(window->snapshot);
	free(window);
}

void v2m_window_unrefp(struct v2m_window **window)
{
	v2m_window_unref(*window);
}

const struct v2m_snapshot *v2m_window_snapshot(const struct v2m_window *window)
{
	return window->snapshot;
}

/* FNV-1a, 32 bits. */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261u;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 16777619u;
	return value;
}

static struct entry *entry_new(const char *name)
{
	size_t size = strlen(name) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + size);

	if (!entry)
		return NULL;
	pthread_mutex_init(&entry->lock, NULL);
	memcpy(entry->name, name, size);
	return entry;
}

/* The entry of that name, made empty where there is none yet. */
static struct entry *find_entry(struct v2m_window *window, const char *name)
{
	struct entry **bucket = &window->buckets[hash(name) % BUCKETS];
	struct entry *entry;

	pthread_mutex_lock(&window->lock);
	for (entry = *bucket; entry; entry = entry->next)
		if (strcmp(entry->name, name) == 0)
			break;
	if (!entry) {
		entry = entry_new(name);
		if (entry) {
			entry->next = *bucket;
			*bucket = entry;
		}
	}
	pthread_mutex_unlock(&window->lock);
	return entry;
}

/* NULL: it could not be rendered; it is left empty, and the next to ask tries again. */
static const struct v2m_body *render_entry(struct v2m_window *window, struct entry *entry,
					   v2m_render render, const void *argument, bool asked)
{
	bool rendered;

	pthread_mutex_lock(&entry->lock);
	entry->render = render;
	entry->argument = argument;
	entry->asked |= asked;
	if (!entry->rendered)
		entry->rendered =
			render(window->snapshot, window->unit, argument, &entry->body) == 0;
	rendered = entry->rendered;
	pthread_mutex_unlock(&entry->lock);
	return rendered ? &entry->body : NULL;
}

/* NULL: as above. */
static const struct v2m_body *compress_entry(struct entry *entry, bool asked)
{
	bool compressed;

	pthread_mutex_lock(&entry->lock);
	entry->asked_gzip |= asked;
	if (!entry->compressed)
		entry->compressed = v2m_gzip(&entry->body, &entry->gzip) == 0;
	compressed = entry->compressed;
	pthread_mutex_unlock(&entry->lock);
	return compressed ? &entry->gzip : NULL;
}

const struct v2m_body *v2m_window_body(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument)
{
	struct entry *entry = find_entry(window, name);

	return entry ? render_entry(window, entry, render, argument, true) : NULL;
}

const struct v2m_body *v2m_window_gzip(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument)
{
	struct entry *entry = find_entry(window, name);

	if (!entry || !render_entry(window, entry, render, argument, true))
		return NULL;
	return compress_entry(entry, true);
}

static void warm_entry(struct v2m_window *window, struct entry *entry)
{
	struct entry *next = NULL;
	v2m_render render = NULL;
	const void *argument = NULL;
	bool gzip;

	pthread_mutex_lock(&entry->lock);
	if (entry->asked) {
		render = entry->render;
		argument = entry->argument;
	}
	gzip = entry->asked_gzip;
	pthread_mutex_unlock(&entry->lock);
	if (render)
		next = find_entry(window, entry->name);
	if (next && render_entry(window, next, render, argument, false) && gzip)
		compress_entry(next, false);
}

void v2m_window_warm(struct v2m_window *window, struct v2m_window *last)
{
	/* What the arguments point to belongs to the key set. */
	if (window->snapshot->keyset != last->snapshot->keyset)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *entry;

		/* Entries are only ever put in front, so that a bucket's list can be walked without
		 * the lock and readers of the last window do not wait. */
		pthread_mutex_lock(&last->lock);
		entry = last->buckets[i];
		pthread_mutex_unlock(&last->lock);
		for (; entry; entry = entry->next)
			warm_entry(window, entry);
	}
}
