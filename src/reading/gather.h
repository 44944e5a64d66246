/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the key sources of the configuration, and finds out the format of each by its content. */
#ifndef V2METER_READING_GATHER_H
#define V2METER_READING_GATHER_H

#include "base/string_list.h"
#include "keys/gathered.h"
#include "keys/live_source.h"

/* Reads all sources into *gathered, which is empty, also after one fails. auto_root: put before the
 * places of "auto"; NULL: nothing. live: what
 * the APIs of proxies said. 0
 * or -ENOMEM; *gathered is the caller's to clear either way. */
int v2m_gather(const struct v2m_strings *sources, const char *auto_root,
	       const struct v2m_live_sources *live, struct v2m_gathered *gathered);

/* The paths to watch, with the places of "auto". 0 or -ENOMEM. */
int v2m_gather_paths(const struct v2m_strings *sources, const char *auto_root,
		     struct v2m_strings *paths);

/* The places that "auto" stands for. 0 or -ENOMEM. */
int v2m_key_places(struct v2m_strings *paths);

#endif
