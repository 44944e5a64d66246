/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists of strings. A list owns its strings. */
#ifndef V2METER_BASE_STRING_LIST_H
#define V2METER_BASE_STRING_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* An array (base/array.h). Zeros are an empty list; no item is NULL. */
struct v2m_strings {
	char **items;
	size_t count;
	size_t capacity;
};

/* Appends a copy. 0 or -ENOMEM. */
int v2m_strings_add(struct v2m_strings *strings, const char *item);
bool v2m_strings_have(const struct v2m_strings *strings, const char *item);
void v2m_strings_clear(struct v2m_strings *strings);

#endif
