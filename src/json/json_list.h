/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists of JSON that are whole, or not there at all. */
#ifndef V2METER_JSON_JSON_LIST_H
#define V2METER_JSON_JSON_LIST_H

#include <jansson.h>

/* Appends the item, which belongs to the list then. If either of them is NULL, or memory runs out,
 * both are freed and *list is NULL: json_pack() refuses it, and nobody takes it for a shorter list.
 */
void v2m_json_list_add(json_t **list, json_t *item);

#endif
