// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json/json_list.h"

void v2m_json_list_add(json_t **list, json_t *item)
{
	/* It frees the item if it fails. */
	if (json_array_append_new(*list, item) == 0)
		return;
	json_decref(*list);
	*list = NULL;
}
