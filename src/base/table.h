/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hash table of the whole tree: open addressing, linear probing, at most half full, hashed by
 * v2m_hash() unless it says otherwise. It holds elements of one size, each with a key of bytes
 * inside it or behind a pointer in it:
 *
 *     struct place { char *name; size_t index; };
 *     static struct v2m_table_key key_of_place(const void *element)
 *     {
 *             const struct place *place = element;
 *             return (struct v2m_table_key){ place->name, strlen(place->name) };
 *     }
 *     static const struct v2m_table_type places = { sizeof(struct place), key_of_place };
 *     struct v2m_table table = { .type = &places };
 *
 * A pointer to an element is good until the next addition or removal. Elements that must not move
 * are kept outside, and their pointers in the table. Not for several threads without a lock.
 */
#ifndef V2METER_BASE_TABLE_H
#define V2METER_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v2m_table_key {
	const void *data;
	size_t length;
};

struct v2m_table_type {
	size_t element_size;
	/* The key of an element. It must not change as long as the element is in the table. */
	struct v2m_table_key (*key_of)(const void *element);
};

/* Everything besides the type and the hash starts as zeros. */
struct v2m_table {
	const struct v2m_table_type *type;
	/* NULL: v2m_hash(). A cheaper hash is only for keys that nobody outside can choose. */
	uint32_t (*hash)(const void *key, size_t length);
	size_t count;
	size_t size;      /* places, a power of two, or 0 */
	uint32_t *hashes; /* of each place; 0: free */
	char *elements;   /* of each place */
};

/* The element with the key. NULL: there is none. */
void *v2m_table_find(const struct v2m_table *table, const void *key, size_t length);
/* The same for a string: the key of the element is its characters without the 0. */
void *v2m_table_find_string(const struct v2m_table *table, const char *key);

/* Makes room, so that as many additions cannot fail. 0, or -ENOMEM with the table unchanged. */
int v2m_table_reserve(struct v2m_table *table, size_t more);
/* Puts a copy of the element in. The caller has made sure that its key is not there. 0, or -ENOMEM
 * with the table unchanged. */
int v2m_table_add(struct v2m_table *table, const void *element);

/* Takes out an element that v2m_table_find() has returned. It needs no memory. */
void v2m_table_remove(struct v2m_table *table, void *element);

/* For walking through all elements in no order: the element after this one. NULL stands for before
 * the first and after the last. The table must not change on the way. */
void *v2m_table_next(const struct v2m_table *table, const void *element);

/* Frees the places. The caller has freed what the elements own. */
void v2m_table_clear(struct v2m_table *table);

#endif
