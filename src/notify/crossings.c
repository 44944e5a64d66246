// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/crossings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/table.h"

struct held {
	char *name;
	bool named; /* since the last end of its family */
};

struct v2m_crossings {
	struct v2m_store *store;
	struct v2m_table table; /* of struct held */
};

static struct v2m_table_key key_of_held(const void *element)
{
	const struct held *held = element;

	return (struct v2m_table_key){ held->name, strlen(held->name) };
}

static const struct v2m_table_type held_type = { sizeof(struct held), key_of_held };

static int add_name(struct v2m_crossings *crossings, const char *name, bool named)
{
	struct held held = { strdup(name), named };

	if (held.name && v2m_table_add(&crossings->table, &held) == 0)
		return 0;
	free(held.name);
	return -ENOMEM;
}

static int add_stored(void *context, const char *name)
{
	return add_name(context, name, false);
}

void v2m_crossings_closep(struct v2m_crossings **crossings)
{
	struct held *held = NULL;

	if (!*crossings)
		return;
	while ((held = v2m_table_next(&(*crossings)->table, held)))
		free(held->name);
	v2m_table_clear(&(*crossings)->table);
	free(*crossings);
	*crossings = NULL;
}

int v2m_crossings_open(struct v2m_store *store, struct v2m_crossings **crossings,
		       struct v2m_error *error)
{
	V2M_CLEANUP(v2m_crossings_closep) struct v2m_crossings *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made->store = store;
	made->table.type = &held_type;
	result = v2m_store_each_held(store, add_stored, made, error);
	if (!result)
		*crossings = V2M_TAKE(made);
	return result;
}

bool v2m_crossings_has(const struct v2m_crossings *crossings, const char *name)
{
	return v2m_table_find_string(&crossings->table, name);
}

int v2m_crossings_hold(struct v2m_crossings *crossings, const char *name, struct v2m_error *error)
{
	struct held *held = v2m_table_find_string(&crossings->table, name);
	int result;

	if (held) {
		held->named = true;
		return 0;
	}
	result = v2m_store_hold(crossings->store, name, error);
	if (result)
		return result;
	return add_name(crossings, name, true) ? v2m_error_set(error, -ENOMEM, "out of memory") : 1;
}

int v2m_crossings_end(struct v2m_crossings *crossings, const char *family,
		      int (*released)(void *context, const char *name), void *context,
		      struct v2m_error *error)
{
	V2M_ARRAY(char *) gone = { 0 };
	struct held *held = NULL;
	int result = 0;

	while ((held = v2m_table_next(&crossings->table, held))) {
		if (strncmp(held->name, family, strlen(family)) != 0)
			continue;
		if (!held->named && v2m_array_add(&gone, held->name))
			result = v2m_error_set(error, -ENOMEM, "out of memory");
		held->named = false;
	}
	for (size_t i = 0; i < gone.count; i++) {
		if (!result)
			result = v2m_store_release(crossings->store, gone.items[i], error);
		if (!result && released)
			result = released(context, gone.items[i]);
		if (result)
			continue;
		v2m_table_remove(&crossings->table,
				 v2m_table_find_string(&crossings->table, gone.items[i]));
		free(gone.items[i]);
	}
	v2m_array_clear(&gone);
	return result;
}
