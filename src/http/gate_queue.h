/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections that wait at the gate, in the order of their arrival. */
#ifndef V2METER_HTTP_GATE_QUEUE_H
#define V2METER_HTTP_GATE_QUEUE_H

#include <netinet/in.h>
#include <stdint.h>

struct v2m_waiting {
	struct v2m_waiting *next;
	struct v2m_waiting *previous;
	int fd;
	uint64_t deadline_ns; /* for its headers */
	uint64_t turn_ns;     /* when it may be answered; 0: its headers are not complete */
	struct sockaddr_in address;
};

struct v2m_gate_queue {
	struct v2m_waiting *first; /* the one that has waited longest */
	struct v2m_waiting *last;
};

void v2m_gate_queue_append(struct v2m_gate_queue *queue, struct v2m_waiting *one);
void v2m_gate_queue_take_out(struct v2m_gate_queue *queue, struct v2m_waiting *one);
/* Closes all connections of the queue. */
void v2m_gate_queue_close(struct v2m_gate_queue *queue);

#endif
