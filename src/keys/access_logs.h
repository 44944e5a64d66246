/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where proxies write their access logs, by their configurations: plain data. */
#ifndef V2METER_KEYS_ACCESS_LOGS_H
#define V2METER_KEYS_ACCESS_LOGS_H

#include <stdbool.h>
#include <stddef.h>

enum v2m_access_log_kind {
	V2M_ACCESS_LOG_FILE,     /* path is absolute */
	V2M_ACCESS_LOG_OFF,      /* the proxy writes none */
	V2M_ACCESS_LOG_STDOUT,   /* it writes it to its standard output, which nobody can follow */
	V2M_ACCESS_LOG_RELATIVE, /* path begins at the working directory of the proxy */
	V2M_N_ACCESS_LOG_KINDS,
};

struct v2m_access_log {
	char *source; /* the key source whose configuration says it */
	char *path;   /* NULL if there is none */
	enum v2m_access_log_kind kind;
	bool is_read;  /* the daemon follows it, and could read it last; only in the status */
	char *problem; /* why it cannot read it; NULL if it can, or does not follow it; only in the
			  status */
	bool masked;   /* the proxy blanks addresses in it, and nobody can tell users apart */
};

/* Arrays (base/array.h). */
struct v2m_access_logs {
	struct v2m_access_log *items;
	size_t count;
	size_t capacity;
};

/* Appends a log with copies of the strings; path may be NULL. 0 or -ENOMEM. */
int v2m_access_logs_add(struct v2m_access_logs *logs, const struct v2m_access_log *log);
/* Overwrites *copy. 0, or -ENOMEM with *copy empty. */
int v2m_access_logs_copy(const struct v2m_access_logs *logs, struct v2m_access_logs *copy);
void v2m_access_logs_clear(struct v2m_access_logs *logs);

/* "file", "off", "stdout" or "relative". */
const char *v2m_access_log_word(enum v2m_access_log_kind kind);

#endif
