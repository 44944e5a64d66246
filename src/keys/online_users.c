// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/online_users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int compare_rows(const void *a, const void *b)
{
	const struct v2m_online_user *left = a;
	const struct v2m_online_user *right = b;
	int order = memcmp(left->address, right->address, sizeof(left->address));

	return order ? order : strcmp(left->name, right->name);
}

void v2m_online_users_sort(struct v2m_online_users *users)
{
	size_t n = 0;

	if (users->count)
		qsort(users->items, users->count, sizeof(*users->items), compare_rows);
	for (size_t i = 0; i < users->count; i++) {
		struct v2m_online_user *last = n ? &users->items[n - 1] : NULL;
		struct v2m_online_user *row = &users->items[i];

		if (!last || compare_rows(last, row) != 0) {
			users->items[n++] = *row;
			continue;
		}
		if (row->seen_s > last->seen_s)
			last->seen_s = row->seen_s;
		free(row->name);
	}
	users->count = n;
}

int v2m_online_users_add(struct v2m_online_users *users, const struct v2m_online_users *others)
{
	for (size_t i = 0; i < others->count; i++) {
		struct v2m_online_user row = others->items[i];

		row.name = strdup(row.name);
		if (!row.name || v2m_array_add(users, row)) {
			free(row.name);
			return -ENOMEM;
		}
	}
	v2m_online_users_sort(users);
	return 0;
}

const struct v2m_online_user *v2m_online_users_at(const struct v2m_online_users *users,
						  const uint8_t address[static 16], size_t *count)
{
	size_t first = 0;
	size_t end = users->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (memcmp(users->items[middle].address, address, 16) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	for (end = first; end < users->count; end++)
		if (memcmp(users->items[end].address, address, 16) != 0)
			break;
	*count = end - first;
	return *count ? &users->items[first] : NULL;
}

void v2m_online_users_clear(struct v2m_online_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		free(users->items[i].name);
	v2m_array_clear(users);
}

int v2m_online_list_join(struct v2m_online_list *list, const struct v2m_online_list *other)
{
	if (!other->is_known)
		return 0;
	if (!list->is_known || other->asked_ns < list->asked_ns)
		list->asked_ns = other->asked_ns;
	if (other->answered_ns > list->answered_ns)
		list->answered_ns = other->answered_ns;
	list->is_known = true;
	return v2m_online_users_add(&list->users, &other->users);
}

void v2m_online_list_clear(struct v2m_online_list *list)
{
	v2m_online_users_clear(&list->users);
	*list = (struct v2m_online_list){ 0 };
}
