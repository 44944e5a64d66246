/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One item for each of some slots, found by the slot's number (v2m_slot_number()). The items lie in
 * one array without gaps: a walk over them visits nothing else. A table of all numbers finds an
 * item in one step. Items move when one is added or removed: a pointer to an item is valid until
 * then.
 */
#ifndef V2METER_ACCOUNTING_SLOT_ITEMS_H
#define V2METER_ACCOUNTING_SLOT_ITEMS_H

#include <stddef.h>
#include <stdint.h>

/* All slot numbers are below this: a port, plus 65536 for a slot without TCP. */
#define V2M_SLOT_NUMBERS 131072u

/* The first member of an item is its uint32_t slot_number, never 0. A list in which all members but
 * item_size are zeros is empty. */
struct v2m_slot_items {
	size_t item_size;
	void *items;
	size_t count;
	size_t capacity;
	uint32_t index_of[V2M_SLOT_NUMBERS]; /* 1 + index into items; 0: the slot has no item */
};

/* NULL: the slot has no item. */
void *v2m_slot_items_find(const struct v2m_slot_items *list, uint32_t slot_number);
/* Item number i, below count. */
void *v2m_slot_items_at(const struct v2m_slot_items *list, size_t i);
/* Makes room for n items more, so that adding them cannot fail. 0 or -ENOMEM. */
int v2m_slot_items_reserve(struct v2m_slot_items *list, size_t n);
/* Adds an item of zeros for a slot that has none. NULL: out of memory. */
void *v2m_slot_items_add(struct v2m_slot_items *list, uint32_t slot_number);
/* Removes an item of the list; the last item takes its place. A walk that removes items goes from
 * the last one to the first. */
void v2m_slot_items_remove(struct v2m_slot_items *list, void *item);
/* Removes all items and frees their memory. */
void v2m_slot_items_clear(struct v2m_slot_items *list);

#endif
