// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define FIRST_CAPACITY 8

int v2m_array_reserve_items(void **items, size_t *capacity, size_t count, size_t more,
			    size_t item_size)
{
	size_t wanted = *capacity ? *capacity : FIRST_CAPACITY;
	size_t bytes;
	void *grown;

	if (more <= *capacity - count)
		return 0;
	if (more > SIZE_MAX / 2 - count)
		return -ENOMEM;
	while (wanted < count + more)
		wanted *= 2;
	grown = __builtin_mul_overflow(wanted, item_size, &bytes) ? NULL : realloc(*items, bytes);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

void *v2m_array_append_item(void **items, size_t *capacity, size_t *count, size_t item_size)
{
	char *item;

	if (v2m_array_reserve_items(items, capacity, *count, 1, item_size))
		return NULL;
	item = (char *)*items + (*count)++ * item_size;
	return memset(item, 0, item_size);
}
