// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/source_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void clear_entry(struct v2m_source_entry *entry)
{
	free(entry->path);
	free(entry->kind);
	free(entry->error);
}

int v2m_source_report_add(struct v2m_source_report *report, const char *path, const char *kind,
			  size_t keys, const char *error)
{
	struct v2m_source_entry entry = { .path = strdup(path),
					  .kind = strdup(kind),
					  .keys = keys,
					  .error = error ? strdup(error) : NULL };
	struct v2m_source_entry *entries =
		reallocarray(report->entries, report->count + 1, sizeof(*entries));

	if (entries)
		report->entries = entries;
	if (!entries || !entry.path || !entry.kind || (error && !entry.error)) {
		clear_entry(&entry);
		return -ENOMEM;
	}
	entries[report->count++] = entry;
	return 0;
}

int v2m_source_report_copy(const struct v2m_source_report *report, struct v2m_source_report *copy)
{
	*copy = (struct v2m_source_report){ .refused_ports = report->refused_ports };
	for (size_t i = 0; i < report->count; i++) {
		const struct v2m_source_entry *entry = &report->entries[i];
		int result = v2m_source_report_add(copy, entry->path, entry->kind, entry->keys,
						   entry->error);

		if (result) {
			v2m_source_report_clear(copy);
			return result;
		}
	}
	return 0;
}

void v2m_source_report_clear(struct v2m_source_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		clear_entry(&report->entries[i]);
	free(report->entries);
	*report = (struct v2m_source_report){ 0 };
}
