/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads the key sources of the configuration, finds out the format of each by its content, and
 * joins their keys to one key set.
 */
#ifndef V2METER_KEYS_KEY_SOURCES_H
#define V2METER_KEYS_KEY_SOURCES_H

#include "keys/key_list.h"
#include "keys/live_source.h"
#include "keys/source_report.h"
#include "base/string_list.h"
#include "base/error.h"

struct v2m_source_options {
	/* For keys whose source has no date. The date is that of the same key in previous; else
	 * first_seen_us() says when the key was first seen (Unix microseconds; 0: never); else it
	 * is now. */
	const struct v2m_keyset *previous;                            /* may be NULL */
	int64_t (*first_seen_us)(void *context, const char *subject); /* may be NULL */
	/* Whether the ledger has totals under this id, or has joined them into those of a key. Such
	 * ids become aliases. NULL: no key gets an alias. */
	bool (*knows_subject)(void *context, const char *subject);
	void *context;
	int64_t now_us;
	const struct v2m_live_sources *live; /* NULL: APIs of proxies are not asked */
	const char *auto_root;               /* put before the places of "auto"; NULL: nothing */
};

/* Reads all sources, also after one fails, and replaces *report by an entry for each. A path that
 * is missing is an error. A missing place of "auto" is none, unless there were keys before and no
 * place exists any more. It is an error too if a source that had keys in *report has none any more:
 * an empty directory looks like that, or a file that somebody is writing. 0, or -errno with the
 * first error in *error. *keyset is unchanged then, and the caller keeps its keys. */
int v2m_key_sources_load(const struct v2m_strings *sources,
			 const struct v2m_source_options *options, struct v2m_keyset **keyset,
			 struct v2m_source_report *report, struct v2m_error *error);

/* The paths to watch, with the places of "auto". 0 or -ENOMEM. */
int v2m_key_sources_paths(const struct v2m_strings *sources, const char *auto_root,
			  struct v2m_strings *paths);

/* The places that "auto" stands for. 0 or -ENOMEM. */
int v2m_key_places(struct v2m_strings *paths);

#endif
