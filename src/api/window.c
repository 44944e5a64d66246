// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/window.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "api/gzip.h"
#include "base/table.h"

/* Every answer about each of 4,096 keys fits. The limit is for dates in paths: a client may ask for
 * any number of them. */
#define MAX_ENTRIES 32768

/* Bytes of bodies that are not made ahead, such as hours: there are as many of them as there are
 * ranges of dates, of up to 2 MB each. Beyond that a body is rendered for each request. */
#define OTHER_BYTES_MAX (16u << 20)

#define NEVER (V2M_WINDOWS_UNREAD_MAX + 1)

/* How a body is made. */
struct recipe {
	v2m_render render;
	const void *argument;
	bool ahead;   /* the next window makes it before anybody asks */
	bool bounded; /* counts for OTHER_BYTES_MAX */
	bool gzip;
	/* Windows since a request asked for it, and for the compressed one; NEVER: not that we
	 * know. */
	unsigned age;
	unsigned gzip_age;
};

/* One body. It lives as long as the window and never moves: a body is read without a lock. */
struct entry {
	struct entry *next;
	struct recipe recipe; /* under the window's lock: the collector reads it while a renderer
			       * waits for the collector */
	pthread_mutex_t lock; /* held while the body is rendered: other requests wait here */
	/* Atomic, and set after the body: a request that finds it set takes no lock. */
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
	pthread_mutex_t lock;     /* of what follows; never held while rendering */
	struct entry *entries;    /* new entries are put in front */
	struct v2m_table by_name; /* pointers to the same entries */
	size_t other_bytes;       /* of bodies that are not made ahead */
};

static struct v2m_table_key key_of_entry(const void *element)
{
	const struct entry *entry = *(struct entry *const *)element;

	return (struct v2m_table_key){ entry->name, strlen(entry->name) };
}

static const struct v2m_table_type entries_by_name = { sizeof(struct entry *), key_of_entry };

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
	window->by_name.type = &entries_by_name;
	pthread_mutex_init(&window->lock, NULL);
	return window;
}

struct v2m_window *v2m_window_ref(struct v2m_window *window)
{
	__atomic_add_fetch(&window->references, 1, __ATOMIC_RELAXED);
	return window;
}

static void free_entry(struct entry *entry)
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
	while (window->entries) {
		struct entry *entry = window->entries;

		window->entries = entry->next;
		free_entry(entry);
	}
	v2m_table_clear(&window->by_name);
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

static struct entry *new_entry(const char *name)
{
	size_t size = strlen(name) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + size);

	if (!entry)
		return NULL;
	pthread_mutex_init(&entry->lock, NULL);
	memcpy(entry->name, name, size);
	return entry;
}

/* Adds an empty entry; the lock is held. NULL: out of memory, or the window is full. */
static struct entry *add_entry(struct v2m_window *window, const char *name)
{
	struct entry *entry;

	if (window->by_name.count == MAX_ENTRIES)
		return NULL;
	entry = new_entry(name);
	if (!entry)
		return NULL;
	if (v2m_table_add(&window->by_name, &entry)) {
		free_entry(entry);
		return NULL;
	}
	entry->next = window->entries;
	window->entries = entry;
	return entry;
}

static void lower(unsigned *age, unsigned to)
{
	if (to < *age)
		*age = to;
}

/* Notes what the next window may make. Requests for one body differ in their ages alone. Most find
 * them noted and write nothing, so the CPUs share the entry's cache lines. */
static void note_recipe(struct entry *entry, const struct recipe *recipe)
{
	if (!entry->recipe.render) {
		entry->recipe = *recipe;
		return;
	}
	lower(&entry->recipe.age, recipe->age);
	lower(&entry->recipe.gzip_age, recipe->gzip_age);
}

/* The entry of that name, a new and empty one if there is none, with the recipe noted. NULL: out of
 * memory, or the window is full. */
static struct entry *find_entry(struct v2m_window *window, const char *name,
				const struct recipe *recipe)
{
	struct entry **found;
	struct entry *entry = NULL;

	pthread_mutex_lock(&window->lock);
	found = v2m_table_find_string(&window->by_name, name);
	if (found)
		entry = *found;
	else if (!recipe->bounded || window->other_bytes < OTHER_BYTES_MAX)
		entry = add_entry(window, name);
	if (entry && recipe->ahead)
		note_recipe(entry, recipe);
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

static void note_bytes(struct v2m_window *window, const struct entry *entry)
{
	pthread_mutex_lock(&window->lock);
	window->other_bytes += entry->body.length;
	pthread_mutex_unlock(&window->lock);
}

/* The body, or the compressed one. NULL: it is not made yet. */
static const struct v2m_body *find_made(const struct entry *entry, bool gzip)
{
	if (gzip)
		return __atomic_load_n(&entry->compressed, __ATOMIC_ACQUIRE) ? &entry->gzip : NULL;
	return __atomic_load_n(&entry->rendered, __ATOMIC_ACQUIRE) ? &entry->body : NULL;
}

/* The lock is held. */
static void make_missing(struct v2m_window *window, struct entry *entry,
			 const struct recipe *recipe)
{
	if (!entry->rendered &&
	    recipe->render(window->snapshot, window->unit, recipe->argument, &entry->body) == 0) {
		if (recipe->bounded)
			note_bytes(window, entry);
		__atomic_store_n(&entry->rendered, true, __ATOMIC_RELEASE);
	}
	if (entry->rendered && recipe->gzip && !entry->compressed &&
	    compress_body(&entry->body, &entry->gzip) == 0)
		__atomic_store_n(&entry->compressed, true, __ATOMIC_RELEASE);
}

/* The body, or the compressed one. NULL: it could not be made; the next request tries again. */
static const struct v2m_body *make_body(struct v2m_window *window, struct entry *entry,
					const struct recipe *recipe)
{
	const struct v2m_body *body = entry ? find_made(entry, recipe->gzip) : NULL;

	if (!entry || body)
		return body;
	pthread_mutex_lock(&entry->lock);
	make_missing(window, entry, recipe);
	body = find_made(entry, recipe->gzip);
	pthread_mutex_unlock(&entry->lock);
	return body;
}

const struct v2m_body *v2m_window_body(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument, bool ahead)
{
	const struct recipe recipe = {
		.render = render,
		.argument = argument,
		.ahead = ahead,
		.bounded = !ahead,
		.gzip_age = NEVER,
	};

	return make_body(window, find_entry(window, name, &recipe), &recipe);
}

const struct v2m_body *v2m_window_gzip(struct v2m_window *window, const char *name,
				       v2m_render render, const void *argument, bool ahead)
{
	const struct recipe recipe = {
		.render = render,
		.argument = argument,
		.ahead = ahead,
		.bounded = !ahead,
		.gzip = true,
	};

	return make_body(window, find_entry(window, name, &recipe), &recipe);
}

/* Makes a body of the last window in the new one. A request for it sets its age to 0. The argument
 * points into the key set. */
static void warm_entry(struct v2m_window *window, struct v2m_window *last,
		       const struct entry *entry)
{
	struct recipe recipe;

	pthread_mutex_lock(&last->lock);
	recipe = entry->recipe;
	pthread_mutex_unlock(&last->lock);
	if (!recipe.ahead || ++recipe.age >= NEVER ||
	    (recipe.argument && window->snapshot->keyset != last->snapshot->keyset))
		return;
	if (recipe.gzip_age < NEVER)
		recipe.gzip_age++;
	recipe.gzip = recipe.gzip_age < NEVER;
	make_body(window, find_entry(window, entry->name, &recipe), &recipe);
}

void v2m_window_warm(struct v2m_window *window, struct v2m_window *last)
{
	struct entry *entry;

	/* New entries are put in front: the list is walked without the lock, and readers of the
	 * last window do not wait. */
	pthread_mutex_lock(&last->lock);
	entry = last->entries;
	pthread_mutex_unlock(&last->lock);
	for (; entry; entry = entry->next)
		warm_entry(window, last, entry);
}
