// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/queue_account.h"

#include <string.h>

#define MEMORY_NS 60e9
/* Fewer bytes than this say nothing about a server. */
#define LEAST_BYTES 65536.0

static bool is_continued(const struct v2m_queue_account *account, const struct v2m_tc_queue *queue,
			 const struct v2m_tally *seen)
{
	const struct v2m_tc_queue *last = &account->queue;

	return account->known && last->handle == queue->handle &&
	       strcmp(last->kind, queue->kind) == 0 && queue->bytes >= last->bytes &&
	       queue->packets >= last->packets && seen->wire_bytes >= account->seen.wire_bytes &&
	       seen->packets >= account->seen.packets;
}

/* Whether packets were dropped since the last reading. Without a drop a difference is what passed
 * between the two parts of a reading, or is in the tags and inner headers that a queue does not
 * count. A device without a queue counts nothing. */
static bool has_drops(const struct v2m_queue_account *account, const struct v2m_tc_queue *queue)
{
	return queue->drops != account->queue.drops && strcmp(queue->kind, "noqueue") != 0;
}

/* Adds what is new to the sum, after what is owed. Returns what the sum grew by. */
static uint64_t settle(int64_t difference, int64_t *owed, __u64 *sum)
{
	uint64_t added;

	*owed += difference;
	if (*owed <= 0)
		return 0;
	added = (uint64_t)*owed;
	*sum += added;
	*owed = 0;
	return added;
}

/* Returns the bytes that were dropped since the last reading. */
static uint64_t add_drops(struct v2m_queue_account *account, const struct v2m_tc_queue *queue,
			  const struct v2m_tally *seen)
{
	const struct v2m_tc_queue *last = &account->queue;
	int64_t packets = (int64_t)(seen->packets - account->seen.packets) -
			  (int64_t)(queue->packets - last->packets) -
			  ((int64_t)queue->backlog_packets - last->backlog_packets);
	int64_t bytes = (int64_t)(seen->wire_bytes - account->seen.wire_bytes) -
			(int64_t)(queue->bytes - last->bytes) -
			((int64_t)queue->backlog_bytes - last->backlog_bytes);

	if (!has_drops(account, queue)) {
		account->owed_packets = 0;
		account->owed_bytes = 0;
		return 0;
	}
	settle(packets, &account->owed_packets, &account->dropped.packets);
	return settle(bytes, &account->owed_bytes, &account->dropped.wire_bytes);
}

static void judge(struct v2m_queue_account *account, uint64_t sent, uint64_t dropped,
		  uint64_t passed_ns)
{
	double kept = (double)passed_ns < MEMORY_NS ? 1 - (double)passed_ns / MEMORY_NS : 0;
	/* The limit to leave the state is lower, so that it does not come and go. */
	double factor = account->lossy ? 2 : 1;

	account->recent_sent = account->recent_sent * kept + (double)sent;
	account->recent_dropped = account->recent_dropped * kept + (double)dropped;
	account->lossy = account->recent_dropped * factor >= LEAST_BYTES &&
			 account->recent_dropped * factor * 100 > account->recent_sent;
}

void v2m_queue_account_add(struct v2m_queue_account *account, const struct v2m_tc_queue *queue,
			   const struct v2m_tally *seen, uint64_t mono_ns)
{
	if (is_continued(account, queue, seen)) {
		const struct v2m_tc_queue *last = &account->queue;
		uint64_t sent = queue->bytes - last->bytes;
		uint64_t dropped = add_drops(account, queue, seen);

		account->sent.packets += queue->packets - last->packets;
		account->sent.wire_bytes += sent;
		account->requeues += (uint32_t)(queue->requeues - last->requeues);
		judge(account, sent, dropped, mono_ns - account->at_ns);
	}
	account->known = true;
	account->queue = *queue;
	account->seen = *seen;
	account->at_ns = mono_ns;
}
