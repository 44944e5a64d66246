/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which names in which directories matter for a path: what a source watch watches. */
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
	char *name;      /* NULL: every file that may be a source */
	uint32_t events; /* inotify bits that matter for it */
};

struct v2m_watch_list {
	int inotify_fd; /* the caller's */
	struct v2m_watch_entry *items;
	size_t count;
	size_t capacity;
	int failed; /* the first -errno of inotify_add_watch(), 0: none */
};

/* Adds all there is on the way to a path: every component, every symbolic link and its target, and
 * at its end the database's log or what is in a directory. 0 or -ENOMEM. */
int v2m_watch_list_add_path(struct v2m_watch_list *list, const char *path);
/* Forgets the entries; the watches stay. */
void v2m_watch_list_clear(struct v2m_watch_list *list);
bool v2m_watch_list_has_watch(const struct v2m_watch_list *list, int wd);

/* Whether an event is about a name in the list. */
bool v2m_watch_list_concerns(const struct v2m_watch_list *list, const struct inotify_event *event);

#endif
