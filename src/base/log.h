/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The log: one line for each event, on stderr or in the journal. */
#ifndef V2METER_BASE_LOG_H
#define V2METER_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
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

/* If stderr is the journal, as $JOURNAL_STREAM says, connects to its socket: lines then have
 * fields. To be called at the start of a process, before it gives up its rights and starts threads.
 * socket: NULL for journald's own; another one in tests. */
void v2m_log_open(const char *socket);

/* Where a line comes from, and what it is about. */
struct v2m_log_place {
	enum v2m_log_level level;
	const char *file; /* "" if unknown */
	unsigned line;
	const char *function;
	const char *field; /* a further field of the journal; NULL: none */
	const char *value;
};

/* Any thread: one write(2) writes a line. Control characters in the text become spaces. A line on
 * stderr begins with an ISO time and the level. In the journal it is a message with PRIORITY,
 * SYSLOG_IDENTIFIER, CODE_FILE, CODE_LINE, CODE_FUNC and the further field. If stderr is the
 * journal and its socket does not take the line, stderr gets it, with the priority as "<N>". */
void v2m_log_at(const struct v2m_log_place *place, const char *format, ...) V2M_PRINTF(2, 3);
/* The same without a place. */
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

/* The name without a path: paths of the machine that built it do not belong into a program. */
#ifdef __FILE_NAME__
#define V2M_LOG_FILE __FILE_NAME__
#else
#define V2M_LOG_FILE ""
#endif
#define V2M_LOG_ABOUT(level, field, value, ...)                                                    \
	v2m_log_at(&(const struct v2m_log_place){ (level), V2M_LOG_FILE, __LINE__, __func__,       \
						  (field), (value) },                              \
		   __VA_ARGS__)

#define v2m_log_error(...)   V2M_LOG_ABOUT(V2M_LOG_ERROR, NULL, NULL, __VA_ARGS__)
#define v2m_log_warning(...) V2M_LOG_ABOUT(V2M_LOG_WARNING, NULL, NULL, __VA_ARGS__)
#define v2m_log_info(...)    V2M_LOG_ABOUT(V2M_LOG_INFO, NULL, NULL, __VA_ARGS__)
#define v2m_log_debug(...)   V2M_LOG_ABOUT(V2M_LOG_DEBUG, NULL, NULL, __VA_ARGS__)

/* A line about a key, named by its id, or about a reason of a degraded health. */
#define v2m_log_key(level, id, ...)      V2M_LOG_ABOUT(level, "V2METER_KEY", id, __VA_ARGS__)
#define v2m_log_reason(level, word, ...) V2M_LOG_ABOUT(level, "V2METER_REASON", word, __VA_ARGS__)

/* --- messages about an operation that is retried: each is logged once --- */

/* All zeros: nothing was logged. */
struct v2m_news {
	struct v2m_error last;
};

/* Whether the message differs from the last one. The message is the last one from then on. */
bool v2m_news_differs(struct v2m_news *news, const char *message);
/* The next message is new, whatever it says. */
void v2m_news_forget(struct v2m_news *news);

#endif
