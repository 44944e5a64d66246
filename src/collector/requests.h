/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the answering process asks, and what it is told. Requests that wait together are handled
 * together, as one batch, after whatever else the event loop has to do. Nothing here waits for the
 * other process: what it does not read is kept, and beyond a bound the channel is closed.
 *
 * The other process talks to the whole world. A message that is not exactly as agreed closes the
 * channel, and a change is made only with an API key that has the scope for it.
 */
#ifndef V2METER_COLLECTOR_REQUESTS_H
#define V2METER_COLLECTOR_REQUESTS_H

#include <systemd/sd-event.h>

#include "accounting/account.h"
#include "apikeys/api_keys.h"
#include "ipc/answer.h"
#include "ipc/question.h"
#include "process/channel.h"

struct v2m_request {
	struct v2m_request *next; /* in the batch, oldest first */
	uint64_t id;
	enum v2m_question_kind kind;
	struct v2m_question question;
	struct v2m_message message;    /* holds the question's document */
	struct v2m_answer answer;      /* out; its verdict is V2M_UNREADABLE at first */
	struct v2m_snapshot *snapshot; /* out: of a window, with a reference */
	/* The handler's own, to undo a reset that cannot be stored. */
	char subject[V2M_SUBJECT_LEN];
	struct v2m_reset_undo undo;
};

enum v2m_answering_state {
	V2M_ANSWERING_READY,  /* it serves */
	V2M_ANSWERING_FAILED, /* it cannot serve; the error says why */
	V2M_ANSWERING_GONE,   /* the channel is closed, by either side */
};

struct v2m_requests_handlers {
	/* Answers every request of a batch. */
	void (*answer)(struct v2m_request *batch, void *context);
	/* Somebody has read the window with that generation for the first time. */
	void (*was_read)(uint64_t generation, void *context);
	void *context;
};

typedef void (*v2m_answering_told)(enum v2m_answering_state state, const struct v2m_error *error,
				   void *context);

struct v2m_requests;

/* NULL: out of memory. */
struct v2m_requests *v2m_requests_new(sd_event *event, const struct v2m_api_keys *api_keys,
				      const struct v2m_requests_handlers *handlers);
/* Does nothing on NULL. */
void v2m_requests_free(struct v2m_requests *requests);

/* Serves a new answering process. The channel stays the caller's, who calls
 * v2m_requests_disconnect() before closing it. told: what happens to it, on the thread of the event
 * loop. 0 or -errno. */
int v2m_requests_connect(struct v2m_requests *requests, int channel, v2m_answering_told told,
			 void *context);
void v2m_requests_disconnect(struct v2m_requests *requests);
/* The answering process shall end. The state V2M_ANSWERING_GONE is told. */
void v2m_requests_end(struct v2m_requests *requests);
/* Tells the valid API keys, after the greeting. */
void v2m_requests_tell_api_keys(struct v2m_requests *requests);
/* Other API keys are valid from now on. */
void v2m_requests_set_api_keys(struct v2m_requests *requests, const struct v2m_api_keys *api_keys);
/* Sends a message that is no answer, such as the greeting. fd goes along; -1: none. */
void v2m_requests_tell(struct v2m_requests *requests, uint32_t kind, const struct v2m_wire *wire,
		       int fd);
/* Tells that no window is active. follows: the next one comes without a request. */
void v2m_requests_withdraw_window(struct v2m_requests *requests, bool follows);
/* Tells of a window that nobody has asked for. */
void v2m_requests_tell_window(struct v2m_requests *requests, const struct v2m_snapshot *snapshot,
			      uint64_t expires_ns);

#endif
