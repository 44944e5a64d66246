/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the counting process tells the answering process. An answer has the kind and the number of
 * its question. A window that nobody asked for has the number 0.
 */
#ifndef V2METER_IPC_ANSWER_H
#define V2METER_IPC_ANSWER_H

#include "api/meter.h"
#include "ipc/question.h"
#include "process/wire.h"

/* Messages that answer no question. Their numbers follow those of the questions. */
enum v2m_news_kind {
	V2M_NEWS_GREETING = V2M_N_MESSAGES, /* the first message */
	V2M_NEWS_API_KEYS,                  /* right after it, and whenever they change */
	V2M_NEWS_LISTENER,                  /* then, with a descriptor */
	V2M_NEWS_KEYSET,                    /* the key set of the windows that follow */
	V2M_NEWS_OUTDATED,  /* no window is active any more; the next one follows unasked */
	V2M_NEWS_WITHDRAWN, /* no window is active any more */
};

/* Which window to answer from. */
struct v2m_window_news {
	uint64_t generation; /* of its snapshot */
	uint64_t expires_ns; /* CLOCK_MONOTONIC; 0: it is for those alone who asked for it */
	bool live;           /* to answer live questions from, for a second */
	bool attached;       /* the snapshot follows; otherwise it is that of the last window */
};

/* Members that an answer does not need are 0. */
struct v2m_answer {
	enum v2m_verdict verdict;
	struct v2m_window_news window;
	struct v2m_reset reset;
	struct v2m_history history;
	struct v2m_history_date date;
	struct v2m_history_hour *hours;
	size_t n_hours;
	struct v2m_key_rates rates;
	int64_t real_us;
	char *text; /* of an export; 0-terminated */
	size_t length;
	struct v2m_import_result imported;
	struct v2m_error error;
	struct v2m_status *status;
};

/* Writes or reads (process/wire.h). A snapshot is not included: it follows the answer. */
void v2m_put_answer(struct v2m_wire *wire, enum v2m_question_kind kind, struct v2m_answer *answer);
void v2m_answer_clear(struct v2m_answer *answer);

#endif
