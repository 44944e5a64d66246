/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Joins the keys of all key sources to one key set, and reports on each source. The sources
 * themselves are not opened: src/reading/gather.h reads them. */
#ifndef V2METER_KEYS_KEY_SOURCES_H
#define V2METER_KEYS_KEY_SOURCES_H

#include "keys/claims.h"
#include "keys/gathered.h"
#include "keys/source_report.h"
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
	/* What was said and heard of the ports before; keys get the transports that are believed
	 * (claims.h). NULL: the files are believed. */
	struct v2m_claims *claims;
	void *context;
	int64_t now_us;
};

/* Joins what was gathered, empties it, and replaces *report by an entry for each source. It fails
 * if a source could not be read. A missing place of "auto" is no error, unless there were keys
 * before and no place exists any more. It is an error too if a source that had keys in *report has
 * none any more: an empty directory looks like that, or a file that somebody is writing. 0, or
 * -errno with the first error in *error. *keyset is unchanged then, and the caller keeps its keys.
 */
int v2m_key_sources_join(struct v2m_gathered *gathered, const struct v2m_source_options *options,
			 struct v2m_keyset **keyset, struct v2m_source_report *report,
			 struct v2m_error *error);

#endif
