/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests of other threads to the collector's thread, and how a batch of them is answered. A batch
 * of resets shares one sample and one transaction, a batch of windows shares one window. The sample
 * is taken after the last request of the batch arrived. So it is fresh for each request, and the
 * moment of a reset lies between its request and its answer.
 */
#ifndef V2METER_COLLECTOR_BATCH_H
#define V2METER_COLLECTOR_BATCH_H

#include "accounting/account.h"
#include "collector/parts.h"
#include "collector/requests.h"

enum v2m_request_kind {
	V2M_REQUEST_CACHED_WINDOW,
	V2M_REQUEST_FRESH_WINDOW,
	V2M_REQUEST_LIVE_WINDOW,
	V2M_REQUEST_RESET,
	V2M_REQUEST_CALL,
};

struct v2m_window_request {
	struct v2m_request request;
	struct v2m_window *window; /* out, with a reference, if the verdict is V2M_OK */
};

struct v2m_reset_request {
	struct v2m_request request;
	const char *key_id;
	struct v2m_reset *reset; /* out */
	/* The batch's own: to undo the reset if it cannot be stored. */
	char subject[V2M_SUBJECT_LEN];
	struct v2m_reset_undo undo;
};

/* Runs a function on the collector's thread, after a sample was tried. */
struct v2m_call_request {
	struct v2m_request request;
	enum v2m_verdict (*run)(struct v2m_parts *parts, void *argument);
	void *argument;
};

/* Sets the verdict of each request. */
void v2m_batch_answer(struct v2m_parts *parts, struct v2m_request *batch);

#endif
