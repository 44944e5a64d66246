/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The names to watch in directories that inotify(7) watches: plain data. src/reading/watch_walk.h
 * makes the list.
 */
#ifndef V2METER_KEYS_WATCH_LIST_H
#define V2METER_KEYS_WATCH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>

#include "base/string_list.h"

/* More names than the key sources of a server have. */
#define V2M_WATCH_MAX 65536

/* One name in a directory. */
struct v2m_watch_entry {
	int wd;          /* of the directory; one directory may have several entries */
	char *name;      /* NULL for every file with one of the endings */
	uint32_t events; /* inotify bits that matter for it */
};

struct v2m_watch_list {
	struct v2m_watch_entry *items;
	size_t count;
	size_t capacity;
	struct v2m_strings endings; /* of files that may be a key source, such as ".json" */
	int failed; /* the first -errno of inotify_add_watch(), -ENOSPC beyond V2M_WATCH_MAX; 0:
		       none */
};

/* Adds an entry with a copy of the name. 0 or -ENOMEM. */
int v2m_watch_list_add(struct v2m_watch_list *list, int wd, const char *name, uint32_t events);
/* Puts the entries in order. v2m_watch_list_concerns() needs that. */
void v2m_watch_list_sort(struct v2m_watch_list *list);
void v2m_watch_list_clear(struct v2m_watch_list *list);

enum v2m_watch_concern {
	V2M_WATCH_NOTHING, /* the event is about no name in the list */
	V2M_WATCH_BEGIN, /* a file was made; another event follows when it is written and closed */
	V2M_WATCH_CHANGE,
};
enum v2m_watch_concern v2m_watch_list_concerns(const struct v2m_watch_list *list,
					       const struct inotify_event *event);

#endif
