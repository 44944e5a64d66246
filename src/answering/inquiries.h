/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to the other process, and the threads that wait for the answers. */
#ifndef V2METER_ANSWERING_INQUIRIES_H
#define V2METER_ANSWERING_INQUIRIES_H

#include <pthread.h>
#include <stdbool.h>

#include "api/window.h"
#include "ipc/answer.h"
#include "ipc/question.h"
#include "process/channel.h"

/* A question whose thread waits. It lives on that thread's stack. The caller sets the kind. */
struct v2m_inquiry {
	struct v2m_inquiry *next;
	uint64_t id;
	enum v2m_question_kind kind;
	pthread_cond_t done_now;
	bool done;
	struct v2m_answer answer;
	struct v2m_window *window; /* a reference, if the answer has one */
};

struct v2m_inquiries {
	int channel;
	pthread_mutex_t lock; /* for the rest */
	struct v2m_inquiry *first;
	uint64_t last_id;
	bool ended;
};

void v2m_inquiries_init(struct v2m_inquiries *inquiries, int channel);
/* Asks and waits for the answer, whose verdict is returned: V2M_LATE if there was none in time,
 * V2M_UNREADABLE if the other side is gone. inquiry->answer is the caller's to clear,
 * inquiry->window to release. Any thread except the one that receives. */
enum v2m_verdict v2m_inquiries_ask(struct v2m_inquiries *inquiries, struct v2m_inquiry *inquiry,
				   struct v2m_question *question);
/* Hands an answer to the thread that waits for it, which owns it from then on. The window gets one
 * more reference; NULL: there is none. False: nobody waits any more, or for another kind. */
bool v2m_inquiries_hand_over(struct v2m_inquiries *inquiries, const struct v2m_message *message,
			     const struct v2m_answer *answer, struct v2m_window *window);
/* Answers V2M_UNREADABLE to all that wait, and to all later ones. */
void v2m_inquiries_end(struct v2m_inquiries *inquiries);

#endif
