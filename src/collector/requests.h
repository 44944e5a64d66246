/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The queue of what other threads ask of the collector's thread. Requests that wait together are
 * handled together, as one batch.
 */
#ifndef V2METER_COLLECTOR_REQUESTS_H
#define V2METER_COLLECTOR_REQUESTS_H

#include <systemd/sd-event.h>

#include "api/meter.h"

/* Lives on the stack of the thread that waits, at the beginning of a larger struct that the handler
 * knows. */
struct v2m_request {
	struct v2m_request *next; /* in the batch */
	int kind;                 /* the handler's */
	bool answered;            /* the queue's */
	enum v2m_verdict verdict; /* V2M_UNREADABLE until the handler sets it */
};

struct v2m_requests;

/* Answers every request of the batch, oldest first, on the thread of the event loop. */
typedef void (*v2m_requests_handler)(struct v2m_request *batch, void *context);

/* 0 or -errno. */
int v2m_requests_open(sd_event *event, v2m_requests_handler handler, void *context,
		      struct v2m_requests **requests);
/* No other thread may use the queue any more. Does nothing on NULL. */
void v2m_requests_close(struct v2m_requests *requests);

/* Queues the request and waits until it is answered. V2M_UNREADABLE if the queue refuses. Any
 * thread except the one of the event loop. */
enum v2m_verdict v2m_requests_wait(struct v2m_requests *requests, struct v2m_request *request);
/* Answers V2M_UNREADABLE to every request that waits, and to every later one at once. */
void v2m_requests_refuse(struct v2m_requests *requests);

#endif
