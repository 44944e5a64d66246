// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/slot_items.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static uint32_t *index_of_item(struct v2m_slot_items *list, const void *item)
{
	return &list->index_of[*(const uint32_t *)item];
}

void *v2m_slot_items_find(const struct v2m_slot_items *list, uint32_t slot_number)
{
	uint32_t index = list->index_of[slot_number];

	return index ? v2m_slot_items_at(list, index - 1u) : NULL;
}

void *v2m_slot_items_at(const struct v2m_slot_items *list, size_t i)
{
	return (char *)list->items + i * list->item_size;
}

int v2m_slot_items_reserve(struct v2m_slot_items *list, size_t n)
{
	return v2m_array_reserve_items(&list->items, &list->capacity, list->count, n,
				       list->item_size);
}

void *v2m_slot_items_add(struct v2m_slot_items *list, uint32_t slot_number)
{
	void *item;

	if (v2m_slot_items_reserve(list, 1))
		return NULL;
	item = v2m_slot_items_at(list, list->count++);
	memset(item, 0, list->item_size);
	*(uint32_t *)item = slot_number;
	list->index_of[slot_number] = (uint32_t)list->count;
	return item;
}

void v2m_slot_items_remove(struct v2m_slot_items *list, void *item)
{
	void *last = v2m_slot_items_at(list, list->count - 1);
	uint32_t index = *index_of_item(list, item);

	*index_of_item(list, item) = 0;
	if (item != last) {
		memcpy(item, last, list->item_size);
		*index_of_item(list, item) = index;
	}
	list->count--;
}

void v2m_slot_items_clear(struct v2m_slot_items *list)
{
	for (size_t i = 0; i < list->count; i++)
		*index_of_item(list, v2m_slot_items_at(list, i)) = 0;
	free(list->items);
	list->items = NULL;
	list->count = 0;
	list->capacity = 0;
}
