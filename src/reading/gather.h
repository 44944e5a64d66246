/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the key sources of the configuration, and finds out the format of each by its content. */
#ifndef V2METER_READING_GATHER_H
#define V2METER_READING_GATHER_H

#include "base/string_list.h"
#include "keys/gathered.h"
#include "keys/live_source.h"

struct v2m_gather_options {
	const struct v2m_live_sources *live; /* what the APIs of proxies said; NULL: nothing */
	const struct v2m_strings *found;     /* sources of running proxies; NULL: none */
	const char *auto_root;               /* put before the places of "auto"; NULL: nothing */
	/* Called before each source is read; NULL: nothing is called. */
	void (*at)(const char *path);
};

/* Reads all sources into *gathered, which is empty, also after one fails. A source that brings the
 * keys or ports above the limits of keys/gathered.h fails. 0 or -ENOMEM; *gathered is the
 * caller's to clear either way. */
int v2m_gather_sources(const struct v2m_strings *sources, const struct v2m_gather_options *options,
		       struct v2m_gathered *gathered);

/* The paths to watch, with the places of "auto". 0 or -ENOMEM. */
int v2m_gather_paths(const struct v2m_strings *sources, const char *auto_root,
		     struct v2m_strings *paths);

/* The places that "auto" stands for. 0 or -ENOMEM. */
int v2m_key_places(struct v2m_strings *paths);

#endif
