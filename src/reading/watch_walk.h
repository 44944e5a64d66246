/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds out which directories to watch for changes of the key sources, and which names in them
 * matter: each component of the path, each symbolic link and its target, the log of a database, and
 * the files of a directory.
 */
#ifndef V2METER_READING_WATCH_WALK_H
#define V2METER_READING_WATCH_WALK_H

#include "keys/watch_list.h"

/* Watches everything on the way to these paths by the inotify descriptor, and fills an empty list.
 * Call it before reading the paths, so that no change is missed. 0 or -ENOMEM; the list is the
 * caller's to clear either way. */
int v2m_watch_walk(int inotify_fd, const struct v2m_strings *paths, struct v2m_watch_list *list);

#endif
