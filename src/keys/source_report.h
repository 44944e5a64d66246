/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The result of reading the key sources, one entry for each, for --check and the status. */
#ifndef V2METER_KEYS_SOURCE_REPORT_H
#define V2METER_KEYS_SOURCE_REPORT_H

#include <stddef.h>

#include "keys/access_logs.h"
#include "keys/key_notes.h"

struct v2m_source_entry {
	char *path;
	char *kind; /* "key file", "port file", "V2Ray configuration", ... */
	size_t keys;
	size_t good_keys; /* how many it had when it had some last */
	char *error;      /* NULL if the source could be read */
};

struct v2m_source_report {
	struct v2m_source_entry *items;
	size_t count;
	size_t capacity;
	size_t refused_ports; /* ports and ranges beyond V2M_MAX_SLOTS, which are not counted */
	struct v2m_key_notes notes;
	struct v2m_access_logs access_logs;
};

/* Appends an entry with copies of the strings; error may be NULL. 0 or -ENOMEM. */
int v2m_source_report_add(struct v2m_source_report *report, const char *path, const char *kind,
			  size_t keys, const char *error);
/* The entry of a path. NULL: there is none. */
const struct v2m_source_entry *v2m_source_report_find(const struct v2m_source_report *report,
						      const char *path);
/* Overwrites *copy with a copy of the report. 0, or -ENOMEM with *copy empty. */
int v2m_source_report_copy(const struct v2m_source_report *report, struct v2m_source_report *copy);
void v2m_source_report_clear(struct v2m_source_report *report);

#endif
