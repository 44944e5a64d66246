/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Has the access logs read by the following process (src/following), and waits for it no longer
 * than told. The process starts with the first question. If it ends, the next one goes on where the
 * last answer that was used has ended: no line is lost, and none is used twice.
 */
#ifndef V2METER_ATTRIBUTION_LOG_READER_H
#define V2METER_ATTRIBUTION_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/following.h"

struct v2m_log_reader;

struct v2m_log_reader_options {
	const char *argument; /* of the following process */
	/* A process that does not answer for so long is lost, and is killed after twice the time.
	 * One that answers after so long does not end again and again. */
	unsigned patience_ms;
	/* Uses an answer, which was checked. */
	void (*take)(void *context, const struct v2m_following_news *news);
	void *context;
};

enum v2m_log_reading {
	V2M_LOGS_READ,      /* all that was in the logs when the call began was taken */
	V2M_LOGS_HAVE_MORE, /* the next call takes more */
	V2M_LOGS_LATE,      /* the process has not answered in time */
	V2M_LOGS_LOST,      /* and it has not answered for longer than the patience */
};

/* 0 or -errno. */
int v2m_log_reader_open(const struct v2m_log_reader_options *options,
			struct v2m_log_reader **reader);
/* Kills the process. Does nothing on NULL. */
void v2m_log_reader_close(struct v2m_log_reader *reader);

/* Follows one more log, at most V2M_FOLLOWING_LOGS_MAX, from where it was left. The logs keep their
 * order. 0 or -ENOMEM. */
int v2m_log_reader_add(struct v2m_log_reader *reader, const char *path,
		       const struct v2m_log_progress *progress);
size_t v2m_log_reader_count(const struct v2m_log_reader *reader);
/* index < v2m_log_reader_count(). */
const char *v2m_log_reader_path(const struct v2m_log_reader *reader, size_t index);
/* Behind the lines that were taken last. */
const struct v2m_log_progress *v2m_log_reader_progress(const struct v2m_log_reader *reader,
						       size_t index);

/* Asks for what is new, and waits for the answer so long at most. is_urgent: also if the process
 * was late before, and is not lost. Without a log: V2M_LOGS_READ at once. */
enum v2m_log_reading v2m_log_reader_read(struct v2m_log_reader *reader, unsigned wait_ms,
					 bool is_urgent);
/* A sentence if the process ends again and again; "" if it does not, or if the last one has
 * answered for longer than the patience. */
const char *v2m_log_reader_trouble(const struct v2m_log_reader *reader);
/* The next answer begins at the ends of the logs again, as at the first start. Does nothing before
 * the first answer. */
void v2m_log_reader_rewind(struct v2m_log_reader *reader);

#endif
