/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where keys come from: the paths of the configuration's key_sources, the kind of each told from
 * its content, all of them joined to one key set.
 */
#ifndef V2METER_KEYS_KEY_SOURCES_H
#define V2METER_KEYS_KEY_SOURCES_H

#include "keys/key_list.h"
#include "keys/source_report.h"
#include "base/string_list.h"
#include "base/error.h"

struct v2m_source_options {
	/* For the created_at of keys whose source has none: what they had before, else when they
	 * were first seen (Unix microseconds; 0: never), else now. */
	const struct v2m_keyset *previous;                            /* NULL: none */
	int64_t (*first_seen_us)(void *context, const char *subject); /* NULL: nobody knows */
	void *context;
	int64_t now_us;
	const char *auto_root; /* put before the places "auto" looks in; NULL: nothing */
};

/* Reads all sources. *report tells each of them also where it fails; what it held before is
 * cleared. A path of its own that is not there is an error, a place of "auto" is not: but where
 * "auto" finds none of its places any more and there were keys before, that is. 0, or -errno with
 * the first error in *error; *keyset is untouched then, and the caller keeps the keys it has. */
int v2m_key_sources_load(const struct v2m_strings *sources,
			 const struct v2m_source_options *options, struct v2m_keyset **keyset,
			 struct v2m_source_report *report, struct v2m_error *error);

/* The paths that are looked at, "auto" spelt out; for watching them. 0 or -ENOMEM. */
int v2m_key_sources_paths(const struct v2m_strings *sources, const char *auto_root,
			  struct v2m_strings *paths);

/* The places that "auto" stands for. 0 or -ENOMEM. */
int v2m_key_places(struct v2m_strings *paths);

#endif
