/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows a log file line by line through everything that happens to log files: lines that are
 * written in two halves, rotation by renaming, truncation, removal, and a restart of the reader.
 * It polls: a read without news costs two system calls.
 */
#ifndef V2METER_FOLLOWING_LOG_FOLLOWER_H
#define V2METER_FOLLOWING_LOG_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/following.h"

/* A line without its newline and without a 0. */
typedef void (*v2m_log_line)(void *context, const char *text, size_t length);

struct v2m_log_follower;

/*
 * Begins to follow the file with that path, which need not be there. The first read starts at the
 * position. If position is NULL or zeros, it starts at a whole line at most tail_max bytes before
 * the end. NULL: out of memory.
 */
struct v2m_log_follower *
v2m_log_follower_new(const char *path, const struct v2m_log_position *position, uint64_t tail_max);
void v2m_log_follower_free(struct v2m_log_follower *follower);

/*
 * Hands over the lines that were written since the last read, at most max bytes of them. Lines that
 * a customer may have written are passed over (v2m_access_line_reach()), unless the file ended
 * before them at an earlier read: then the proxy has written them. Returns 1
 * if there are more, 0 if not, -errno with *error if the file cannot be read; the next call tries
 * again. A file that is not there is no error, see v2m_log_follower_take_gaps().
 */
int v2m_log_follower_read(struct v2m_log_follower *follower, size_t max, v2m_log_line on_line,
			  void *context, struct v2m_error *error);

/* Hands over the lines of the log's end once more: the next read starts tail_max bytes before the
 * end, if it has read beyond. Does nothing before the first read. */
void v2m_log_follower_rewind(struct v2m_log_follower *follower);

/* The bits of enum v2m_log_gap since the last call, which are cleared. */
unsigned v2m_log_follower_take_gaps(struct v2m_log_follower *follower);

/* Where the reader stands in the file that had the path before the last rotation. The writer may
 * write on there. Zeros: there is none. */
void v2m_log_follower_position_before(const struct v2m_log_follower *follower,
				      struct v2m_log_position *position);
/* Goes on there, before the first read. Does nothing on zeros. */
void v2m_log_follower_resume_before(struct v2m_log_follower *follower,
				    const struct v2m_log_position *position);

/* Where the next read starts. */
void v2m_log_follower_position(const struct v2m_log_follower *follower,
			       struct v2m_log_position *position);

#endif
