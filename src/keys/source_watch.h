/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells when a key source has changed, by inotify(7): when it is written, replaced by a rename,
 * removed, or made. Directories are watched instead of files, because most programs replace a file.
 * On the way to a source, every symbolic link is watched, and if something is missing, the nearest
 * directory above it. Changes close together are reported once.
 */
#ifndef V2METER_KEYS_SOURCE_WATCH_H
#define V2METER_KEYS_SOURCE_WATCH_H

#include <stdbool.h>

#include "base/error.h"
#include "keys/watch_list.h"

/* A change is reported when nothing has changed for QUIET, but at the latest LATEST after the first
 * change. */
#define V2M_SOURCE_WATCH_QUIET_MS  200
#define V2M_SOURCE_WATCH_LATEST_MS 1000

struct v2m_source_watch;

/* Opens a watch of nothing. 0 or -errno. */
int v2m_source_watch_open(struct v2m_source_watch **watch, struct v2m_error *error);
/* NULL: does nothing. */
void v2m_source_watch_close(struct v2m_source_watch *watch);

/* Follows the directories that this inotify descriptor watches, and the names of the list in them,
 * and nothing else any more. Takes both over, also after an error. A source may lead elsewhere
 * after each change, so the list is made anew with each reading. 0 or -errno; what was followed
 * before still is then. */
int v2m_source_watch_set(struct v2m_source_watch *watch, int inotify_fd,
			 struct v2m_watch_list *list);

/* A descriptor that is readable when v2m_source_watch_drain() has something to do. */
int v2m_source_watch_fd(const struct v2m_source_watch *watch);
/* Takes in the kernel's events without waiting. True: the sources have to be read again. */
bool v2m_source_watch_drain(struct v2m_source_watch *watch);

#endif
