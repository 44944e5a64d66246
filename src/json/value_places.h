/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The places of the values of a document, for texts that cannot be walked like JSON. */
#ifndef V2METER_JSON_VALUE_PLACES_H
#define V2METER_JSON_VALUE_PLACES_H

#include <jansson.h>

#include "json/json_place.h"

struct v2m_placed_value {
	const json_t *value;
	size_t order; /* a value that was freed may have had the same address before */
	struct v2m_place place;
};

struct v2m_value_places {
	struct v2m_placed_value *items; /* ascending by value once they are sorted */
	size_t count;
	size_t capacity;
};

/* 0 or -ENOMEM. */
int v2m_value_places_add(struct v2m_value_places *places, const json_t *value,
			 struct v2m_place place);
/* Call once after the last addition. */
void v2m_value_places_sort(struct v2m_value_places *places);
/* False: the place of the value is not known. */
bool v2m_value_places_find(const struct v2m_value_places *places, const json_t *value,
			   struct v2m_place *place);
/* Does nothing on NULL. */
void v2m_value_places_free(struct v2m_value_places *places);

#endif
