/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The directories to watch for a path, and the names in them that matter. */
#ifndef V2METER_KEYS_WATCH_LIST_H
#define V2METER_KEYS_WATCH_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>

/* One name in a directory. */
struct v2m_watch_entry {
	int wd;          /* of the directory; one directory may have several entries */
	char *directory; /* its path, without symbolic links */
	char *name;      /* NULL for every file that may be a key source */
	uint32_t events; /* inotify bits that matter for it */
};

struct v2m_watch_list {
	int inotify_fd; /* belongs to the caller */
	struct v2m_watch_entry *items;
	size_t count;
	size_t capacity;
	int failed; /* the first -errno of inotify_add_watch(); 0: none */
};

/* Adds everything on the way to a path: each component, each symbolic link and its target. At its
 * end it adds the log of a database, or the files of a directory. 0 or -ENOMEM. */
int v2m_watch_list_add_path(struct v2m_watch_list *list, const char *path);
/* Forgets the entries but keeps the kernel's watches. */
void v2m_watch_list_clear(struct v2m_watch_list *list);
bool v2m_watch_list_has_watch(const struct v2m_watch_list *list, int wd);

/* Whether an event is about a name in the list. */
bool v2m_watch_list_concerns(const struct v2m_watch_list *list, const struct inotify_event *event);

#endif
