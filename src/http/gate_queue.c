// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/gate_queue.h"

#include <stdlib.h>
#include <unistd.h>

void v2m_gate_queue_append(struct v2m_gate_queue *queue, struct v2m_waiting *one)
{
	one->next = NULL;
	one->previous = queue->last;
	if (queue->last)
		queue->last->next = one;
	else
		queue->first = one;
	queue->last = one;
}

void v2m_gate_queue_take_out(struct v2m_gate_queue *queue, struct v2m_waiting *one)
{
	if (one->previous)
		one->previous->next = one->next;
	else
		queue->first = one->next;
	if (one->next)
		one->next->previous = one->previous;
	else
		queue->last = one->previous;
}

void v2m_gate_queue_close(struct v2m_gate_queue *queue)
{
	while (queue->first) {
		struct v2m_waiting *one = queue->first;

		v2m_gate_queue_take_out(queue, one);
		close(one->fd);
		free(one);
	}
}
