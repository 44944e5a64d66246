// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/value_places.h"

#include <stdlib.h>

#include "base/array.h"

int v2m_value_places_add(struct v2m_value_places *places, const json_t *value,
			 struct v2m_place place)
{
	return v2m_array_add(places, (struct v2m_placed_value){ value, places->count, place });
}

static int compare_values(const void *left, const void *right)
{
	const struct v2m_placed_value *a = left;
	const struct v2m_placed_value *b = right;

	return a->value < b->value ? -1 : a->value > b->value;
}

static int compare_orders(const void *left, const void *right)
{
	const struct v2m_placed_value *a = left;
	const struct v2m_placed_value *b = right;
	int order = compare_values(left, right);

	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

/* Keeps the last one of several at an address. */
void v2m_value_places_sort(struct v2m_value_places *places)
{
	size_t n = 0;

	if (places->count)
		qsort(places->items, places->count, sizeof(*places->items), compare_orders);
	for (size_t i = 0; i < places->count; i++) {
		if (n && places->items[n - 1].value == places->items[i].value)
			n--;
		places->items[n++] = places->items[i];
	}
	places->count = n;
}

bool v2m_value_places_find(const struct v2m_value_places *places, const json_t *value,
			   struct v2m_place *place)
{
	const struct v2m_placed_value wanted = { .value = value };
	const struct v2m_placed_value *found =
		places->count ? bsearch(&wanted, places->items, places->count, sizeof(wanted),
					compare_values)
			      : NULL;

	if (found)
		*place = found->place;
	return found;
}

void v2m_value_places_free(struct v2m_value_places *places)
{
	if (!places)
		return;
	v2m_array_clear(places);
	free(places);
}
