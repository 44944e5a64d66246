/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The growable array of the whole tree. An array is any struct with these three members, of any
 * item type; zeros are an empty array:
 *
 *     struct v2m_key_list {
 *             struct v2m_key *items;
 *             size_t count;
 *             size_t capacity;
 *     };
 *
 * The capacity doubles, so that n additions cost O(n). Items move if the array grows: a pointer to
 * an item is good until the next addition. An array that could not grow is unchanged.
 */
#ifndef V2METER_BASE_ARRAY_H
#define V2METER_BASE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

/* The members of an array, for a struct that needs no name of its own. */
#define V2M_ARRAY(type)                                                                            \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}

/* Makes room, so that as many additions cannot fail. 0 or -ENOMEM. */
#define v2m_array_reserve(array, more)                                                             \
	v2m_array_reserve_items((void **)&(array)->items, &(array)->capacity, (array)->count,      \
				(more), sizeof(*(array)->items))

/* Appends a copy of the item. 0 or -ENOMEM. */
#define v2m_array_add(array, ...)                                                                  \
	({                                                                                         \
		int added_ = v2m_array_reserve(array, 1);                                          \
		/* The item may name the count. */                                                 \
		if (!added_) {                                                                     \
			(array)->items[(array)->count] = (__VA_ARGS__);                            \
			(array)->count++;                                                          \
		}                                                                                  \
		added_;                                                                            \
	})

/* Appends an item of zeros and returns it. NULL: out of memory. */
#define v2m_array_append(array)                                                                    \
	((__typeof__((array)->items))v2m_array_append_item((void **)&(array)->items,               \
							   &(array)->capacity, &(array)->count,    \
							   sizeof(*(array)->items)))

/* Frees the items and empties the array. The caller has freed what the items own. */
#define v2m_array_clear(array)                                                                     \
	({                                                                                         \
		free((array)->items);                                                              \
		(array)->items = NULL;                                                             \
		(array)->count = 0;                                                                \
		(array)->capacity = 0;                                                             \
	})

/* For the macros above. */
int v2m_array_reserve_items(void **items, size_t *capacity, size_t count, size_t more,
			    size_t item_size);
void *v2m_array_append_item(void **items, size_t *capacity, size_t *count, size_t item_size);

#endif
