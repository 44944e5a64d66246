/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The result of reading the key sources, before their keys are joined: plain data. Whoever reads
 * the sources fills it, and whoever joins the keys needs no source any more.
 */
#ifndef V2METER_KEYS_GATHERED_H
#define V2METER_KEYS_GATHERED_H

#include "base/error.h"
#include "base/string_list.h"
#include "keys/access_logs.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* The keys of all sources together, and their ports and ranges, where a port counts once for each
 * key. */
#define V2M_GATHERED_KEYS_MAX  (2 * V2M_MAX_KEYS)
#define V2M_GATHERED_SPANS_MAX V2M_MAX_KEY_ENTRIES
/* More sources than a server has. */
#define V2M_GATHERED_SOURCES_MAX 1024

/* One source that was read: an entry of the configuration, or a place of "auto". */
struct v2m_gathered_source {
	char *path;
	char *kind;    /* "key file", "port file", "V2Ray configuration", "directory", ... */
	size_t keys;   /* 0 if the source failed */
	bool is_place; /* of "auto" */
	bool absent;   /* nothing is at the place of "auto" */
	int result;    /* 0 or -errno */
	enum v2m_failure failure;
	char *error; /* a sentence; NULL if result is 0 */
};

/* Arrays (base/array.h). */
struct v2m_gathered_sources {
	struct v2m_gathered_source *items;
	size_t count;
	size_t capacity;
};

struct v2m_gathered {
	/* The keys, each list in the order of the sources. */
	struct v2m_key_list customers;   /* from key files and databases */
	struct v2m_key_list clients;     /* from configurations of a proxy */
	struct v2m_key_list assignments; /* from port files: uuid, port and source only */
	struct v2m_key_notes notes;      /* on entries that gave no key, or not all of one */
	struct v2m_gathered_sources sources;
	/* APIs that configurations name and nobody has asked yet, as key sources. */
	struct v2m_strings apis;
	struct v2m_access_logs access_logs; /* one for each configuration of a V2Ray or Xray */
	bool has_auto;                      /* "auto" is among the sources */
};

/* The key source that stands for all places where keys usually are, and for running proxies. */
#define V2M_SOURCE_AUTO "auto"
bool v2m_sources_have_auto(const struct v2m_strings *sources);

/* Adds a source with copies of the path and the kind. error: NULL if it could be read. 0 or
 * -ENOMEM. */
int v2m_gathered_add_source(struct v2m_gathered *gathered, const char *path, const char *kind,
			    int result, const struct v2m_error *error);
/* Counts the ports and ranges of the keys behind the first ones of each list. */
size_t v2m_gathered_count_spans(const struct v2m_gathered *gathered, size_t customers,
				size_t clients, size_t assignments);
/* The keys of all lists. */
size_t v2m_gathered_count(const struct v2m_gathered *gathered);
void v2m_gathered_clear(struct v2m_gathered *gathered);

#endif
