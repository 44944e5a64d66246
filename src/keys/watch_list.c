// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/watch_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define SELF_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

int v2m_watch_list_add(struct v2m_watch_list *list, int wd, const char *name, uint32_t events)
{
	struct v2m_watch_entry entry = { .wd = wd, .events = events };

	entry.name = name ? strdup(name) : NULL;
	if ((name && !entry.name) || v2m_array_add(list, entry)) {
		free(entry.name);
		return -ENOMEM;
	}
	return 0;
}

void v2m_watch_list_clear(struct v2m_watch_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	v2m_array_clear(list);
	v2m_strings_clear(&list->endings);
	list->failed = 0;
}

/* By directory; the entry for every file comes first. */
static int compare_entries(const void *left, const void *right)
{
	const struct v2m_watch_entry *a = left;
	const struct v2m_watch_entry *b = right;

	if (a->wd != b->wd)
		return a->wd < b->wd ? -1 : 1;
	if (!a->name || !b->name)
		return !b->name - !a->name;
	return strcmp(a->name, b->name);
}

void v2m_watch_list_sort(struct v2m_watch_list *list)
{
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_entries);
}

static const struct v2m_watch_entry *find_entry(const struct v2m_watch_list *list, int wd,
						char *name)
{
	const struct v2m_watch_entry wanted = { .wd = wd, .name = name };

	if (!list->count)
		return NULL;
	return bsearch(&wanted, list->items, list->count, sizeof(wanted), compare_entries);
}

/* Whether the list has an entry for the directory. */
static bool has_directory(const struct v2m_watch_list *list, int wd)
{
	size_t first = 0;
	size_t end = list->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (list->items[middle].wd == wd)
			return true;
		if (list->items[middle].wd < wd)
			first = middle + 1;
		else
			end = middle;
	}
	return false;
}

static bool has_ending(const struct v2m_watch_list *list, const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < list->endings.count; i++)
		if (strcmp(dot, list->endings.items[i]) == 0)
			return true;
	return false;
}

enum v2m_watch_concern v2m_watch_list_concerns(const struct v2m_watch_list *list,
					       const struct inotify_event *event)
{
	const struct v2m_watch_entry *named;
	const struct v2m_watch_entry *any;
	uint32_t events = 0;

	if (event->mask & SELF_EVENTS)
		return has_directory(list, event->wd) ? V2M_WATCH_CHANGE : V2M_WATCH_NOTHING;
	if (!event->len)
		return V2M_WATCH_NOTHING;
	named = find_entry(list, event->wd, (char *)event->name);
	any = find_entry(list, event->wd, NULL);
	if (named)
		events |= named->events;
	if (any && has_ending(list, event->name))
		events |= any->events;
	if (!(event->mask & events))
		return V2M_WATCH_NOTHING;
	return (event->mask & (IN_ALL_EVENTS | IN_ISDIR)) == IN_CREATE ? V2M_WATCH_BEGIN
								       : V2M_WATCH_CHANGE;
}
