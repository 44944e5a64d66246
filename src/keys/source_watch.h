/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tells when a key source has changed, by inotify(7): written, replaced by a rename, removed, or
 * there at last. Directories are watched, not files, since most programs replace a file; every
 * symbolic link on the way to a source, and of what does not exist yet the nearest directory that
 * does. Changes that come together are reported once, a quiet moment after the last.
 */
#ifndef V2METER_KEYS_SOURCE_WATCH_H
#define V2METER_KEYS_SOURCE_WATCH_H

#include <stdbool.h>

#include "base/string_list.h"
#include "base/error.h"

/* A change is reported when nothing more has changed for QUIET, at the latest LATEST after it. */
#define V2M_SOURCE_WATCH_QUIET_MS  200
#define V2M_SOURCE_WATCH_LATEST_MS 1000

struct v2m_source_watch;

/* 0 or -errno. */
int v2m_source_watch_open(struct v2m_source_watch **watch, struct v2m_error *error);
/* Does nothing on NULL. */
void v2m_source_watch_close(struct v2m_source_watch *watch);

/* Watches these files and directories, as v2m_key_sources_paths() gives them, and no others any
 * more. Call it before reading them. 0, or -errno (-ENOSPC: fs.inotify.max_user_watches); what
 * could be watched is watched all the same. */
int v2m_source_watch_set(struct v2m_source_watch *watch, const struct v2m_strings *paths,
			 struct v2m_error *error);

/* Readable when v2m_source_watch_drain() has something to do. */
int v2m_source_watch_fd(const struct v2m_source_watch *watch);
/* Takes in what the kernel reports, without waiting. True: read the sources again. */
bool v2m_source_watch_drain(struct v2m_source_watch *watch);

#endif
