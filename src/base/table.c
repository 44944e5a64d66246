// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define FIRST_SIZE 16

static char *element_at(const struct v2m_table *table, size_t place)
{
	return table->elements + place * table->type->element_size;
}

static size_t place_of(const struct v2m_table *table, const void *element)
{
	return (size_t)((const char *)element - table->elements) / table->type->element_size;
}

/* A hash is never 0, which marks a free place. */
static uint32_t hash_key(const struct v2m_table *table, struct v2m_table_key key)
{
	uint32_t hash = table->hash ? table->hash(key.data, key.length)
				    : (uint32_t)v2m_hash(key.data, key.length);

	return hash ? hash : 1;
}

static size_t next_place(const struct v2m_table *table, size_t place)
{
	return (place + 1) & (table->size - 1);
}

static size_t find_free_place(const struct v2m_table *table, uint32_t hash)
{
	size_t place = hash & (table->size - 1);

	while (table->hashes[place])
		place = next_place(table, place);
	return place;
}

static bool has_key(const struct v2m_table *table, size_t place, struct v2m_table_key wanted)
{
	struct v2m_table_key key = table->type->key_of(element_at(table, place));

	return key.length == wanted.length && memcmp(key.data, wanted.data, key.length) == 0;
}

void *v2m_table_find(const struct v2m_table *table, const void *key, size_t length)
{
	const struct v2m_table_key wanted = { key, length };
	uint32_t hash;
	size_t place;

	if (!table->count)
		return NULL;
	hash = hash_key(table, wanted);
	for (place = hash & (table->size - 1); table->hashes[place];
	     place = next_place(table, place))
		if (table->hashes[place] == hash && has_key(table, place, wanted))
			return element_at(table, place);
	return NULL;
}

void *v2m_table_find_string(const struct v2m_table *table, const char *key)
{
	return v2m_table_find(table, key, strlen(key));
}

static void put_element(struct v2m_table *table, uint32_t hash, const void *element)
{
	size_t place = find_free_place(table, hash);

	table->hashes[place] = hash;
	memcpy(element_at(table, place), element, table->type->element_size);
}

static int resize_table(struct v2m_table *table, size_t size)
{
	struct v2m_table made = {
		.type = table->type, .hash = table->hash, .count = table->count, .size = size
	};

	made.hashes = calloc(size, sizeof(*made.hashes));
	made.elements = calloc(size, table->type->element_size);
	if (!made.hashes || !made.elements) {
		v2m_table_clear(&made);
		return -ENOMEM;
	}
	for (size_t place = 0; place < table->size; place++)
		if (table->hashes[place])
			put_element(&made, table->hashes[place], element_at(table, place));
	v2m_table_clear(table);
	*table = made;
	return 0;
}

int v2m_table_reserve(struct v2m_table *table, size_t more)
{
	size_t size = table->size ? table->size : FIRST_SIZE;

	/* Places are found by hashes of 32 bits. */
	if (more > INT32_MAX - table->count)
		return -ENOMEM;
	while (size < 2 * (table->count + more))
		size *= 2;
	return size == table->size ? 0 : resize_table(table, size);
}

int v2m_table_add(struct v2m_table *table, const void *element)
{
	int result = v2m_table_reserve(table, 1);

	if (result)
		return result;
	put_element(table, hash_key(table, table->type->key_of(element)), element);
	table->count++;
	return 0;
}

/* Moves back the elements that the one at the gap had displaced: a search ends at the first free
 * place. */
static void close_gap(struct v2m_table *table, size_t gap)
{
	size_t mask = table->size - 1;

	for (size_t place = next_place(table, gap); table->hashes[place];
	     place = next_place(table, place)) {
		size_t home = table->hashes[place] & mask;

		if (((place - home) & mask) < ((place - gap) & mask))
			continue;
		table->hashes[gap] = table->hashes[place];
		memcpy(element_at(table, gap), element_at(table, place), table->type->element_size);
		table->hashes[place] = 0;
		gap = place;
	}
}

void v2m_table_remove(struct v2m_table *table, void *element)
{
	size_t place = place_of(table, element);

	table->hashes[place] = 0;
	table->count--;
	close_gap(table, place);
}

void *v2m_table_next(const struct v2m_table *table, const void *element)
{
	size_t place = element ? place_of(table, element) + 1 : 0;

	while (place < table->size && !table->hashes[place])
		place++;
	return place < table->size ? element_at(table, place) : NULL;
}

void v2m_table_clear(struct v2m_table *table)
{
	free(table->hashes);
	free(table->elements);
	*table = (struct v2m_table){ .type = table->type, .hash = table->hash };
}
