// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/string_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int v2m_strings_add(struct v2m_strings *strings, const char *item)
{
	char **items = reallocarray(strings->items, strings->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	strings->items = items;
	items[strings->count] = strdup(item);
	if (!items[strings->count])
		return -ENOMEM;
	strings->count++;
	return 0;
}

void v2m_strings_clear(struct v2m_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct v2m_strings){ 0 };
}
