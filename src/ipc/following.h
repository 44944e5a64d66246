/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The messages between the counting process and the following process. The following process reads
 * the access logs of proxies when it is asked to, and says what their new lines name. It says
 * nothing by itself.
 */
#ifndef V2METER_IPC_FOLLOWING_H
#define V2METER_IPC_FOLLOWING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/array.h"
#include "base/error.h"
#include "keys/access_record.h"
#include "process/wire.h"

/* The only argument of the following process. */
#define V2M_FOLLOWING_ARGUMENT "--following-process"

enum v2m_following_message {
	V2M_FOLLOWING_FOLLOW, /* to it: struct v2m_following_order. Logs have numbers, from 0 on, in
				 the order in which they are told. The id is the number. */
	V2M_FOLLOWING_READ,   /* to it: struct v2m_following_question */
	V2M_FOLLOWING_READY,  /* from it: the enum v2m_protection bits that it lacks */
	V2M_FOLLOWING_NEWS,   /* from it: struct v2m_following_news, with the id of the question */
};

#define V2M_FOLLOWING_LOGS_MAX 8

/* A longer line is skipped. Lines of the proxies have some 100 bytes. */
#define V2M_LOG_LINE_MAX 4096
/* One answer has at most so many bytes of all logs together. */
#define V2M_FOLLOWING_READ_MAX (4u << 20)
/* No line of an accepted connection is shorter than 32 bytes. */
#define V2M_FOLLOWING_RECORDS_MAX (V2M_FOLLOWING_READ_MAX / 32)

/* The longest messages in bytes. */
#define V2M_FOLLOWING_ORDER_MAX 8192
#define V2M_FOLLOWING_NEWS_MAX  (16u << 20)

/* Where the reader of a log stands. It can be stored: an inode number may be used again, so the
 * position also names the bytes before it. Zeros: nothing was read yet. */
struct v2m_log_position {
	uint64_t device;
	uint64_t inode;
	uint64_t offset;      /* behind the last whole line that was handed over */
	uint64_t fingerprint; /* of up to 64 bytes before the offset */
};

/* Where the reader stands in a log, and in the file that had its path before the last rotation: its
 * writer may write on there. */
struct v2m_log_progress {
	struct v2m_log_position now;
	struct v2m_log_position before; /* zeros: there is none */
};

/* Bits of what is wrong with a log. */
enum v2m_log_gap {
	V2M_LOG_MISSING = 1,   /* the file is not there, or cannot be opened */
	V2M_LOG_TRUNCATED = 2, /* the file was made shorter; lines since the last read may be lost
				*/
	V2M_LOG_REPLACED = 4,  /* the file of the position is not there any more */
	V2M_LOG_LONG_LINE = 8, /* a line was longer than V2M_LOG_LINE_MAX */
	V2M_LOG_DOUBTFUL = 16, /* a line was passed over that a customer may have written */
	V2M_LOG_MASKED = 32,   /* a line has no address, because the proxy blanks it */
	V2M_LOG_RUSH = 64, /* so many lines within a second that the proxy may have dropped some */
};
#define V2M_LOG_GAPS_ALL 127

struct v2m_following_order {
	char *path;
	struct v2m_log_progress progress; /* zeros: the log is new; its end is read */
};

struct v2m_following_question {
	bool rewinds; /* read the ends of the logs once more */
};

/* The result of reading a log. */
struct v2m_log_state {
	int32_t result; /* 0 or -errno with a sentence */
	struct v2m_error error;
	bool has_more;
	uint32_t gaps;                    /* since the last answer */
	struct v2m_log_progress progress; /* behind the lines of this answer */
};

/* The answer to a question. It is used as a whole or not at all: so the lines and the progress
 * always agree. */
struct v2m_following_news {
	struct v2m_log_state logs[V2M_FOLLOWING_LOGS_MAX];
	size_t n_logs;
	/* The texts of what was read are in the message. */
	V2M_ARRAY(struct v2m_access_record) records;
};

/* Each writes or reads (process/wire.h). The caller clears the object that was read. */
void v2m_put_following_order(struct v2m_wire *wire, struct v2m_following_order *order);
void v2m_put_following_question(struct v2m_wire *wire, struct v2m_following_question *question);
void v2m_put_following_news(struct v2m_wire *wire, struct v2m_following_news *news);

/* Checks what was read beyond its form. n_logs: so many logs were told before the question. False:
 * its writer is not our following process, or is broken. Sentences that are not UTF-8 are made so.
 */
bool v2m_following_news_are_allowed(struct v2m_following_news *news, size_t n_logs);

void v2m_following_order_clear(struct v2m_following_order *order);
/* Frees the array, and no text. */
void v2m_following_news_clear(struct v2m_following_news *news);

#endif
