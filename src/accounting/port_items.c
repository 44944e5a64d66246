// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/port_items.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static uint16_t port_of_item(const void *item)
{
	return *(const uint16_t *)item;
}

void *v2m_port_items_find(const struct v2m_port_items *list, uint16_t port)
{
	uint16_t index = list->index_of_port[port];

	return index ? v2m_port_items_at(list, index - 1u) : NULL;
}

void *v2m_port_items_at(const struct v2m_port_items *list, size_t i)
{
	return (char *)list->items + i * list->item_size;
}

int v2m_port_items_reserve(struct v2m_port_items *list, size_t n)
{
	return v2m_array_reserve_items(&list->items, &list->capacity, list->count, n,
				       list->item_size);
}

void *v2m_port_items_add(struct v2m_port_items *list, uint16_t port)
{
	void *item;

	if (v2m_port_items_reserve(list, 1))
		return NULL;
	item = v2m_port_items_at(list, list->count++);
	memset(item, 0, list->item_size);
	*(uint16_t *)item = port;
	list->index_of_port[port] = (uint16_t)list->count;
	return item;
}

void v2m_port_items_remove(struct v2m_port_items *list, void *item)
{
	void *last = v2m_port_items_at(list, list->count - 1);
	uint16_t index = list->index_of_port[port_of_item(item)];

	list->index_of_port[port_of_item(item)] = 0;
	if (item != last) {
		memcpy(item, last, list->item_size);
		list->index_of_port[port_of_item(item)] = index;
	}
	list->count--;
}

void v2m_port_items_clear(struct v2m_port_items *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->index_of_port[port_of_item(v2m_port_items_at(list, i))] = 0;
	free(list->items);
	list->items = NULL;
	list->count = 0;
	list->capacity = 0;
}
