// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/parts.h"

#include <string.h>

#include "base/array.h"

/* The index of the first part whose slot number is not below the given one. */
static size_t find_lower_bound(const struct v2m_key_parts *parts, uint32_t slot_number)
{
	size_t low = 0;
	size_t high = parts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (parts->items[middle].slot_number < slot_number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct v2m_part *v2m_parts_find(const struct v2m_key_parts *parts, uint32_t slot_number)
{
	size_t place = find_lower_bound(parts, slot_number);

	if (place == parts->count || parts->items[place].slot_number != slot_number)
		return NULL;
	return &parts->items[place];
}

struct v2m_part *v2m_parts_make(struct v2m_key_parts *parts, uint32_t slot_number)
{
	struct v2m_part *part = v2m_parts_find(parts, slot_number);
	size_t place;

	if (part)
		return part;
	if (v2m_array_reserve(parts, 1))
		return NULL;
	place = find_lower_bound(parts, slot_number);
	part = &parts->items[place];
	memmove(part + 1, part, (parts->count++ - place) * sizeof(*part));
	*part = (struct v2m_part){ .slot_number = slot_number };
	return part;
}
