/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The log: one line for each event, on stderr. */
#ifndef V2METER_BASE_LOG_H
#define V2METER_BASE_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define V2M_LOG_MEMORY 256

enum v2m_log_level {
	V2M_LOG_ERROR,
	V2M_LOG_WARNING,
	V2M_LOG_INFO,
	V2M_LOG_DEBUG,
};

/* Sets the most detailed level that is written. Default V2M_LOG_INFO. */
void v2m_log_set_level(enum v2m_log_level level);
enum v2m_log_level v2m_log_level(void);

/* Any thread: one write(2) writes a line. Control characters in the text
 * become spaces. Under systemd,
 * which sets $JOURNAL_STREAM, a line begins with the syslog priority as "<N>", else with an ISO
 * time and the level. */
void v2m_log(enum v2m_log_level level, const char *format, ...) V2M_PRINTF(2, 3);
void v2m_logv(enum v2m_log_level level, const char *format, va_list arguments) V2M_PRINTF(2, 0);

/* Lines of an operation that is repeated, so that each is written once. It holds the hashes of the
 * lines of the previous and the present round, at most V2M_LOG_MEMORY each. All zero: none. */
struct v2m_log_memory {
	uint64_t before[V2M_LOG_MEMORY];
	uint64_t now[V2M_LOG_MEMORY];
	size_t n_before;
	size_t n_now;
	size_t n_more; /* lines that were not written */
	size_t n_more_before;
};

/* Begins a round. Until v2m_log_end() the calling thread writes no line that it wrote in the
 * previous round or already in this one. Beyond V2M_LOG_MEMORY different lines it only counts them,
 * and v2m_log_end() says how many if the number is new: what somebody wrote into a file must not
 * fill the disk. Rounds do not nest. */
void v2m_log_begin(struct v2m_log_memory *memory);
void v2m_log_end(void);

#define v2m_log_error(...)   v2m_log(V2M_LOG_ERROR, __VA_ARGS__)
#define v2m_log_warning(...) v2m_log(V2M_LOG_WARNING, __VA_ARGS__)
#define v2m_log_info(...)    v2m_log(V2M_LOG_INFO, __VA_ARGS__)
#define v2m_log_debug(...)   v2m_log(V2M_LOG_DEBUG, __VA_ARGS__)

#endif
