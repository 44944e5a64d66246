// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/string_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

int v2m_strings_add(struct v2m_strings *strings, const char *item)
{
	V2M_FREE char *copy = strdup(item);

	if (!copy || v2m_array_add(strings, copy))
		return -ENOMEM;
	copy = NULL;
	return 0;
}

void v2m_strings_clear(struct v2m_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	v2m_array_clear(strings);
}

bool v2m_strings_have(const struct v2m_strings *strings, const char *item)
{
	for (size_t i = 0; i < strings->count; i++)
		if (strcmp(strings->items[i], item) == 0)
			return true;
	return false;
}
