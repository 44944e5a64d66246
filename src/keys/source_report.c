// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/source_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

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
					  .good_keys = keys,
					  .error = error ? strdup(error) : NULL };

	if (!entry.path || !entry.kind || (error && !entry.error) || v2m_array_add(report, entry)) {
		clear_entry(&entry);
		return -ENOMEM;
	}
	return 0;
}

const struct v2m_source_entry *v2m_source_report_find(const struct v2m_source_report *report,
						      const char *path)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->items[i].path, path) == 0)
			return &report->items[i];
	return NULL;
}

int v2m_source_report_copy(const struct v2m_source_report *report, struct v2m_source_report *copy)
{
	*copy = (struct v2m_source_report){ .refused_ports = report->refused_ports };
	for (size_t i = 0; i < report->count; i++) {
		const struct v2m_source_entry *entry = &report->items[i];
		int result = v2m_source_report_add(copy, entry->path, entry->kind, entry->keys,
						   entry->error);

		if (result) {
			v2m_source_report_clear(copy);
			return result;
		}
	}
	if (v2m_key_notes_copy(&report->notes, &copy->notes) ||
	    v2m_access_logs_copy(&report->access_logs, &copy->access_logs)) {
		v2m_source_report_clear(copy);
		return -ENOMEM;
	}
	return 0;
}

void v2m_source_report_clear(struct v2m_source_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		clear_entry(&report->items[i]);
	v2m_array_clear(report);
	v2m_key_notes_clear(&report->notes);
	v2m_access_logs_clear(&report->access_logs);
	*report = (struct v2m_source_report){ 0 };
}
