// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/window.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/gzip.h"

/* Per-key bodies of a thousand keys still find theirs in a few steps; 4 KiB a window. */
#define BUCKETS 512
/* Every answer about every one of 4,096 keys fits; dates in paths are without number. */
#define MAX_ENTRIES 32768

/* How a body is made, and whether the next window shall make it before anybody asks. */
struct recipe {
	v2m_render render;
	const void *argument;
	bool ahead;
	bool gzip;
};

/* Lives as long as the window and never moves, so that a body may be read without a lock. */
struct entry {
	struct entry *next;
	struct recipe recipe; /* under the window's lock: the collector reads it while a renderer
			       * waits for the collector */
	pthread_mutex_t lock; /* held while the body is rendered: the others wait for it here */
	bool rendered;
	bool compressed;
	struct v2m_body body;
	struct v2m_body gzip; /* of body */
	char name[];
};

struct v2m_window {
	unsigned references; /* atomic */
	enum v2m_api_bytes unit;
	struct v2m_snapshot *snapshot;
	pthread_mutex_t lock; /* of the buckets; never held while rendering */
	size_t n_entries;
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

/* The entry of that name, made empty where there is none yet, with the recipe noted. */
static struct entry *find_entry(struct v2m_window *window, const char *name,
				const struct recipe *recipe)
{
	struct entry **bucket = &window->buckets[hash(name) % BUCKETS];
	struct entry *entry;

	pthread_mutex_lock(&window->lock);
	for (entry = *bucket; entry; entry = entry->next)
		if (strcmp(entry->name, name) == 0)
			break;
	if (!entry && window->n_entries < MAX_ENTRIES) {
		entry = entry_new(name);
		if (entry) {
			entry->next = *bucket;
			*bucket = entry;
			window->n_entries++;
		}
	}
	if (entry && recipe->ahead) {
		bool gzip = entry->recipe.gzip || recipe->gzip;

		entry->recipe = *recipe;
		entry->recipe.gzip = gzip;
	}
	pthread_mutex_unlock(&window->lock);
	return entry;
}

static int compress_body(const struct v2m_body *plain, struct v2m_body *packed)
{
	struct v2m_body made = { .status = plain->status };
	int result = v2m_gzip(plain->data, plain->length, &made.data, &made.length);

	if (result == 0)
		*packed = made;
	return result;
}

/* The body, or the compressed one. NULL: it could not be made; it is left empty, and the next to
 * ask tries again. */
static const struct v2m_body *make_body(struct v2m_window *window, struct entry *entry,
					const struct recipe *recipe)
{
	const struct v2m_body *body = NULL;

	if (!entry)
		return NULL;
	pthread_mutex_lock(&entry->lock);
	if (!entry->rendered)
		entry->rendered = recipe->render(window->snapshot, window->unit, recipe->argument,
						 &entry->body) == 0;
	if (entry->rendered && recipe->gzip && !entry->compressed)
		entry->compressed = compress_body(&entry->body, &entry->gzip) == 0;
	if (recipe->gzip && entry->compressed)
		body = &entry->gzip;
	else if (!recipe->gzip && entry->rendered)
		body = &entry->body;
	pthread_mutex_unlock(&entry->lock);
	return body;
}

const struct v2m_body *v2m_window_body(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument, bool ahead)
{
	const struct recipe recipe = { .render = render, .argument = argument, .ahead = ahead };

	return make_body(window, find_entry(window, name, &recipe), &recipe);
}

const struct v2m_body *v2m_window_gzip(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument, bool ahead)
{
	const struct recipe recipe = {
		.render = render,
		.argument = argument,
		.ahead = ahead,
		.gzip = true,
	};

	return make_body(window, find_entry(window, name, &recipe), &recipe);
}

/* The recipe as it goes to the next window: what is made ahead and then not asked for is not made
 * ahead again. */
static void warm_entry(struct v2m_window *window, struct v2m_window *last,
		       const struct entry *entry)
{
	struct recipe recipe;

	pthread_mutex_lock(&last->lock);
	recipe = entry->recipe;
	pthread_mutex_unlock(&last->lock);
	if (!recipe.ahead)
		return;
	recipe.ahead = false;
	make_body(window, find_entry(window, entry->name, &recipe), &recipe);
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
			warm_entry(window, last, entry);
	}
}
