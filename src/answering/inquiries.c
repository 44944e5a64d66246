// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "answering/inquiries.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* How long a request waits for the answer. Only the transfer of all totals takes longer than a disk
 * that is in trouble. */
#define PATIENCE_MS          8000
#define TRANSFER_PATIENCE_MS 120000

void v2m_inquiries_init(struct v2m_inquiries *inquiries, int channel)
{
	*inquiries = (struct v2m_inquiries){ .channel = channel };
	pthread_mutex_init(&inquiries->lock, NULL);
}

/* More than a question takes in bytes, with an API key and without a document. */
#define WITHOUT_DOCUMENT_MAX 2048

static void wait_for_room(int channel, uint64_t until_ns)
{
	uint64_t now_ns = v2m_clock_mono_ns();
	struct pollfd room = { .fd = channel, .events = POLLOUT };

	if (now_ns < until_ns)
		poll(&room, 1, (int)((until_ns - now_ns) / 1000000 + 1));
}

/* 0 or -errno; -EAGAIN if there was no room for it in time. */
static int send_question(int channel, const struct v2m_inquiry *inquiry,
			 struct v2m_question *question)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_message message = { .kind = inquiry->kind, .id = inquiry->id, .fd = -1 };
	/* A message that grew would leave copies of the API key behind. */
	int result = v2m_array_reserve_items((void **)&wire.items, &wire.capacity, 0,
					     WITHOUT_DOCUMENT_MAX + question->document_length, 1);

	if (result)
		return result;
	v2m_put_question(&wire, inquiry->kind, question);
	result = v2m_wire_end(&wire);
	if (result)
		return result;
	message.data = wire.items;
	message.length = wire.length;
	while ((result = v2m_channel_send(channel, &message)) == -EAGAIN &&
	       v2m_clock_mono_ns() < question->deadline_ns)
		wait_for_room(channel, question->deadline_ns);
	explicit_bzero(wire.items, wire.length);
	return result;
}

static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* False: the other side is gone. */
static bool add_inquiry(struct v2m_inquiries *inquiries, struct v2m_inquiry *inquiry)
{
	bool added;

	pthread_mutex_lock(&inquiries->lock);
	added = !inquiries->ended;
	if (added) {
		inquiry->id = ++inquiries->last_id;
		inquiry->next = inquiries->first;
		inquiries->first = inquiry;
	}
	pthread_mutex_unlock(&inquiries->lock);
	return added;
}

/* The lock is held. */
static void remove_inquiry(struct v2m_inquiries *inquiries, const struct v2m_inquiry *inquiry)
{
	struct v2m_inquiry **at = &inquiries->first;

	while (*at && *at != inquiry)
		at = &(*at)->next;
	if (*at)
		*at = inquiry->next;
}

static void wait_for_answer(struct v2m_inquiries *inquiries, struct v2m_inquiry *inquiry,
			    uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / 1000000000u),
		.tv_nsec = (long)(until_ns % 1000000000u),
	};

	pthread_mutex_lock(&inquiries->lock);
	while (!inquiry->done &&
	       pthread_cond_timedwait(&inquiry->done_now, &inquiries->lock, &until) != ETIMEDOUT)
		;
	if (!inquiry->done) {
		remove_inquiry(inquiries, inquiry);
		inquiry->answer.verdict = V2M_LATE;
	}
	pthread_mutex_unlock(&inquiries->lock);
}

enum v2m_verdict v2m_inquiries_ask(struct v2m_inquiries *inquiries, struct v2m_inquiry *inquiry,
				   struct v2m_question *question)
{
	bool slow = inquiry->kind == V2M_ASK_EXPORT || inquiry->kind == V2M_ASK_IMPORT;
	unsigned patience_ms = slow ? TRANSFER_PATIENCE_MS : PATIENCE_MS;
	int result;

	question->deadline_ns = v2m_clock_mono_ns() + patience_ms * UINT64_C(1000000);
	init_condition(&inquiry->done_now);
	inquiry->answer.verdict = V2M_UNREADABLE;
	if (add_inquiry(inquiries, inquiry)) {
		result = send_question(inquiries->channel, inquiry, question);
		if (result == 0)
			wait_for_answer(inquiries, inquiry, question->deadline_ns);
		if (result) {
			pthread_mutex_lock(&inquiries->lock);
			remove_inquiry(inquiries, inquiry);
			pthread_mutex_unlock(&inquiries->lock);
			inquiry->answer.verdict = result == -EAGAIN ? V2M_LATE : V2M_UNREADABLE;
		}
	}
	pthread_cond_destroy(&inquiry->done_now);
	return inquiry->answer.verdict;
}

bool v2m_inquiries_hand_over(struct v2m_inquiries *inquiries, const struct v2m_message *message,
			     const struct v2m_answer *answer, struct v2m_window *window)
{
	struct v2m_inquiry *inquiry;

	pthread_mutex_lock(&inquiries->lock);
	inquiry = inquiries->first;
	while (inquiry && inquiry->id != message->id)
		inquiry = inquiry->next;
	if (inquiry && inquiry->kind == message->kind) {
		remove_inquiry(inquiries, inquiry);
		inquiry->answer = *answer;
		inquiry->window = window ? v2m_window_ref(window) : NULL;
		inquiry->done = true;
		pthread_cond_signal(&inquiry->done_now);
	} else {
		inquiry = NULL;
	}
	pthread_mutex_unlock(&inquiries->lock);
	return inquiry;
}

/* The verdict of those that wait is V2M_UNREADABLE already. */
void v2m_inquiries_end(struct v2m_inquiries *inquiries)
{
	pthread_mutex_lock(&inquiries->lock);
	inquiries->ended = true;
	for (struct v2m_inquiry *each = inquiries->first; each; each = each->next) {
		each->done = true;
		pthread_cond_signal(&each->done_now);
	}
	inquiries->first = NULL;
	pthread_mutex_unlock(&inquiries->lock);
}
