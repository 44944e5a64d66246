// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"

int v2m_key_list_add(struct v2m_key_list *list, struct v2m_key *key)
{
	if (v2m_array_reserve(list, 1)) {
		v2m_key_clear(key);
		return -ENOMEM;
	}
	list->items[list->count++] = *key;
	memset(key, 0, sizeof(*key));
	return 0;
}

int v2m_key_list_move(struct v2m_key_list *list, struct v2m_key_list *other)
{
	if (v2m_array_reserve(list, other->count))
		return -ENOMEM;
	for (size_t i = 0; i < other->count; i++)
		list->items[list->count++] = other->items[i];
	other->count = 0;
	v2m_key_list_clear(other);
	return 0;
}

void v2m_key_list_clear(struct v2m_key_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		v2m_key_clear(&list->items[i]);
	v2m_array_clear(list);
}

int v2m_key_list_seal(struct v2m_key_list *list, struct v2m_keyset **keyset)
{
	struct v2m_keyset *made = v2m_keyset_new(list->items, list->count);

	memset(list, 0, sizeof(*list));
	if (!made)
		return -ENOMEM;
	*keyset = made;
	return 0;
}

int v2m_key_list_seal_orphans(struct v2m_key_list *list, struct v2m_keyset *keyset)
{
	int result = list->count ? v2m_keyset_set_orphans(keyset, list->items, list->count) : 0;

	memset(list, 0, sizeof(*list));
	return result;
}

int v2m_key_order_by_id(const struct v2m_key *a, const struct v2m_key *b)
{
	return strcmp(a->id, b->id);
}

int v2m_key_order_by_uuid(const struct v2m_key *a, const struct v2m_key *b)
{
	return strcasecmp(a->uuid, b->uuid);
}

struct sorting {
	const struct v2m_key *keys;
	v2m_key_order order;
};

/* Keys that clash keep the order of the list. */
static int compare_keys(const void *left, const void *right, void *context)
{
	const struct sorting *sorting = context;
	size_t a = *(const size_t *)left;
	size_t b = *(const size_t *)right;
	int order = sorting->order(&sorting->keys[a], &sorting->keys[b]);

	return order ? order : (a > b) - (a < b);
}

int v2m_key_list_clash(const struct v2m_key_list *list, v2m_key_order order, size_t *first,
		       size_t *second)
{
	V2M_FREE size_t *indices = calloc(list->count + 1, sizeof(*indices));
	struct sorting sorting = { .keys = list->items, .order = order };
	int found = 0;

	if (!indices)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		indices[i] = i;
	qsort_r(indices, list->count, sizeof(*indices), compare_keys, &sorting);
	for (size_t i = 1; i < list->count; i++) {
		if (order(&list->items[indices[i - 1]], &list->items[indices[i]]) != 0)
			continue;
		if (found && indices[i] >= *second)
			continue;
		*first = indices[i - 1];
		*second = indices[i];
		found = 1;
	}
	return found;
}

/* Keeps the clash whose second key comes first in the list. */
static void keep_first_clash(const struct v2m_slot *slot, bool *found, size_t *first,
			     size_t *second)
{
	if (slot->n_keys < 2 || (*found && slot->keys[1] >= *second))
		return;
	*found = true;
	*first = slot->keys[0];
	*second = slot->keys[1];
}

int v2m_key_list_port_clash(const struct v2m_key_list *list, size_t *first, size_t *second,
			    uint16_t *port)
{
	V2M_CLEANUP(v2m_slots_clear) struct v2m_slots slots = { 0 };
	V2M_FREE struct v2m_key_span *spans = NULL;
	size_t n_spans = 0;
	size_t n = 0;
	bool found = false;

	for (size_t i = 0; i < list->count; i++)
		n_spans += list->items[i].n_spans;
	spans = calloc(n_spans + 1, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->items[i].n_spans; k++)
			spans[n++] = (struct v2m_key_span){ i, list->items[i].spans[k] };
	if (v2m_slots_make(spans, n, &slots))
		return -ENOMEM;
	for (size_t i = 0; i < slots.count; i++) {
		size_t before = found ? *second : SIZE_MAX;

		keep_first_clash(&slots.items[i], &found, first, second);
		if (found && *second != before)
			*port = slots.items[i].first_port;
	}
	return found;
}
