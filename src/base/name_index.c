// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/name_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct entry {
	char *name;
	size_t number;
};

static struct v2m_table_key key_of_entry(const void *element)
{
	const struct entry *entry = element;

	return (struct v2m_table_key){ entry->name, strlen(entry->name) };
}

static const struct v2m_table_type entries = { sizeof(struct entry), key_of_entry };

int v2m_name_index_set(struct v2m_name_index *index, const char *name, size_t number)
{
	struct entry *known = v2m_table_find_string(&index->table, name);
	V2M_FREE char *copy = NULL;
	struct entry entry;

	if (known) {
		known->number = number;
		return 0;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	index->table.type = &entries;
	entry = (struct entry){ copy, number };
	if (v2m_table_add(&index->table, &entry))
		return -ENOMEM;
	copy = NULL;
	return 0;
}

bool v2m_name_index_find(const struct v2m_name_index *index, const char *name, size_t *number)
{
	const struct entry *entry = v2m_table_find_string(&index->table, name);

	if (entry)
		*number = entry->number;
	return entry != NULL;
}

void v2m_name_index_clear(struct v2m_name_index *index)
{
	struct entry *entry = NULL;

	while ((entry = v2m_table_next(&index->table, entry)))
		free(entry->name);
	v2m_table_clear(&index->table);
}
