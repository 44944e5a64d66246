/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the answering process asks of the counting process, as messages (process/channel.h). The
 * number of a question is in its answer again. The counting process trusts no question: the process
 * that asks talks to the whole world.
 */
#ifndef V2METER_IPC_QUESTION_H
#define V2METER_IPC_QUESTION_H

#include "api/meter.h"
#include "apikeys/scope.h"
#include "process/wire.h"

enum v2m_question_kind {
	V2M_ASK_WINDOW,
	V2M_ASK_RESET,
	V2M_ASK_HISTORY,
	V2M_ASK_HISTORY_DATE,
	V2M_ASK_HOURS,
	V2M_ASK_RATES,
	V2M_ASK_HISTORY_RESET,
	V2M_ASK_HISTORY_CLEANUP,
	V2M_ASK_EXPORT,
	V2M_ASK_IMPORT,
	V2M_ASK_STATUS,
	V2M_N_QUESTIONS,
	/* These have no answer. */
	V2M_SAY_READY = V2M_N_QUESTIONS, /* the server listens */
	V2M_SAY_FAILED,                  /* it cannot, with a sentence */
	V2M_SAY_READ,                    /* somebody has read the active window */
	V2M_N_MESSAGES,
};

/* The longest payload that the counting process takes: a document of totals, and a little more. */
#define V2M_QUESTION_MAX ((64u << 20) + 4096)
/* The most that an answer may have. */
#define V2M_ANSWER_MAX (UINT64_C(1) << 30)

/* Members that a question does not need are 0. */
struct v2m_question {
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; after it nobody waits for the answer any more */
	bool fresh;           /* a window whose sample is taken now */
	bool live;            /* the same, with the connections of the last dump */
	char *key_id;         /* id or uuid */
	char *api_key; /* as the client presented it, for a question that changes something */
	int32_t month; /* of struct v2m_history_query, as the next two */
	int32_t from;  /* or the date */
	int32_t to;
	unsigned days_to_keep;
	const char *document; /* belongs to the message */
	size_t document_length;
};

/* Writes or reads (process/wire.h). What is read is checked: dates exist, texts have a sane length,
 * and a question about a key names one. */
void v2m_put_question(struct v2m_wire *wire, enum v2m_question_kind kind,
		      struct v2m_question *question);
void v2m_question_clear(struct v2m_question *question);
/* The scope that the question's API key must have, because the question changes something. 0: none,
 * and it needs no API key. */
unsigned v2m_question_scope(enum v2m_question_kind kind);

#endif
