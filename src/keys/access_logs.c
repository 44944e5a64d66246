// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/access_logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static void clear_log(struct v2m_access_log *log)
{
	free(log->source);
	free(log->path);
	free(log->problem);
}

int v2m_access_logs_add(struct v2m_access_logs *logs, const struct v2m_access_log *log)
{
	struct v2m_access_log made = {
		.source = strdup(log->source),
		.path = log->path ? strdup(log->path) : NULL,
		.kind = log->kind,
		.is_read = log->is_read,
		.problem = log->problem ? strdup(log->problem) : NULL,
		.masked = log->masked,
	};

	if (!made.source || (log->path && !made.path) || (log->problem && !made.problem) ||
	    v2m_array_add(logs, made)) {
		clear_log(&made);
		return -ENOMEM;
	}
	return 0;
}

int v2m_access_logs_copy(const struct v2m_access_logs *logs, struct v2m_access_logs *copy)
{
	*copy = (struct v2m_access_logs){ 0 };
	for (size_t i = 0; i < logs->count; i++) {
		if (!v2m_access_logs_add(copy, &logs->items[i]))
			continue;
		v2m_access_logs_clear(copy);
		return -ENOMEM;
	}
	return 0;
}

void v2m_access_logs_clear(struct v2m_access_logs *logs)
{
	for (size_t i = 0; i < logs->count; i++)
		clear_log(&logs->items[i]);
	v2m_array_clear(logs);
}

const char *v2m_access_log_word(enum v2m_access_log_kind kind)
{
	static const char *const words[V2M_N_ACCESS_LOG_KINDS] = {
		[V2M_ACCESS_LOG_FILE] = "file",
		[V2M_ACCESS_LOG_OFF] = "off",
		[V2M_ACCESS_LOG_STDOUT] = "stdout",
		[V2M_ACCESS_LOG_RELATIVE] = "relative",
	};

	return words[kind];
}
