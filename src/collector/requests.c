// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "ipc/api_keys.h"
#include "ipc/keyset.h"
#include "ipc/snapshot.h"
#include "process/outbox.h"

/* The server has fewer threads, so no honest process asks more at the same time. */
#define BATCH_MAX 512
/* Messages that wait for a process that does not read them. If there are more, its channel ends. */
#define KEPT_MESSAGES 2048
#define KEPT_BYTES    (UINT64_C(128) << 20)

struct v2m_requests {
	sd_event *event;
	struct v2m_api_keys api_keys;
	struct v2m_requests_handlers handlers;
	/* The rest is about the process that is connected. */
	int channel; /* -1: none */
	sd_event_source *source;
	v2m_answering_told told;
	void *told_context;
	struct v2m_outbox outbox;
	struct v2m_keyset *keyset; /* the last one that it was told; NULL: none */
	uint64_t generation;       /* of the last snapshot that it was told; 0: none */
};

struct v2m_requests *v2m_requests_new(sd_event *event, const struct v2m_api_keys *api_keys,
				      const struct v2m_requests_handlers *handlers)
{
	struct v2m_requests *requests = calloc(1, sizeof(*requests));

	if (!requests)
		return NULL;
	requests->event = sd_event_ref(event);
	requests->api_keys = *api_keys;
	requests->handlers = *handlers;
	requests->channel = -1;
	return requests;
}

void v2m_requests_free(struct v2m_requests *requests)
{
	if (!requests)
		return;
	v2m_requests_disconnect(requests);
	sd_event_unref(requests->event);
	free(requests);
}

void v2m_requests_disconnect(struct v2m_requests *requests)
{
	requests->channel = -1;
	requests->source = sd_event_source_unref(requests->source);
	v2m_outbox_clear(&requests->outbox);
	v2m_keyset_unref(requests->keyset);
	requests->keyset = NULL;
	requests->generation = 0;
}

/* Does nothing if it is known already. */
static void end_channel(struct v2m_requests *requests, int result)
{
	struct v2m_error error = { 0 };

	if (requests->channel < 0)
		return;
	v2m_requests_disconnect(requests);
	v2m_error_set(&error, result, "%s", result ? strerror(-result) : "it has closed its end");
	requests->told(V2M_ANSWERING_GONE, &error, requests->told_context);
}

void v2m_requests_end(struct v2m_requests *requests)
{
	end_channel(requests, -ESTALE);
}

/* Asks the event loop to tell when there is room for what is kept. */
static void follow_outbox(struct v2m_requests *requests)
{
	uint32_t events = EPOLLIN;

	if (requests->channel < 0)
		return;
	if (!v2m_outbox_is_empty(&requests->outbox))
		events |= EPOLLOUT;
	sd_event_source_set_io_events(requests->source, events);
}

static void send_message(struct v2m_requests *requests, uint32_t kind, uint64_t id,
			 const struct v2m_wire *wire, int fd)
{
	const struct v2m_message message = {
		.kind = kind,
		.id = id,
		.data = wire ? wire->items : NULL,
		.length = wire ? wire->length : 0,
		.fd = fd,
	};
	int result = wire ? v2m_wire_end(wire) : 0;

	if (requests->channel < 0)
		return;
	if (!result)
		result = v2m_outbox_send(&requests->outbox, requests->channel, &message);
	if (result)
		end_channel(requests, result);
}

static void tell_keyset(struct v2m_requests *requests, struct v2m_keyset *keyset)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	if (requests->keyset == keyset)
		return;
	v2m_keyset_unref(requests->keyset);
	requests->keyset = v2m_keyset_ref(keyset);
	v2m_write_keyset(&wire, keyset);
	send_message(requests, V2M_NEWS_KEYSET, 0, &wire, -1);
}

/* snapshot: of a window with the verdict V2M_OK; NULL otherwise. */
static void send_answer(struct v2m_requests *requests, enum v2m_question_kind kind, uint64_t id,
			struct v2m_answer *answer, const struct v2m_snapshot *snapshot)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	if (requests->channel < 0)
		return;
	if (snapshot) {
		answer->window.generation = snapshot->generation;
		answer->window.attached = snapshot->generation != requests->generation;
	}
	if (snapshot && answer->window.attached)
		tell_keyset(requests, snapshot->keyset);
	v2m_put_answer(&wire, kind, answer);
	if (snapshot && answer->window.attached) {
		v2m_write_snapshot(&wire, snapshot);
		requests->generation = snapshot->generation;
	}
	send_message(requests, kind, id, &wire, -1);
}

static void free_request(struct v2m_request *request)
{
	v2m_question_clear(&request->question);
	v2m_message_clear(&request->message);
	v2m_answer_clear(&request->answer);
	v2m_snapshot_unref(request->snapshot);
	free(request);
}

static void answer_batch(struct v2m_requests *requests, struct v2m_request *batch)
{
	if (batch)
		requests->handlers.answer(batch, requests->handlers.context);
	while (batch) {
		struct v2m_request *request = batch;

		batch = request->next;
		send_answer(requests, request->kind, request->id, &request->answer,
			    request->snapshot);
		free_request(request);
	}
}

/* A change without an API key that may make it is answered here. */
static enum v2m_verdict judge(const struct v2m_requests *requests,
			      const struct v2m_request *request)
{
	unsigned needed = v2m_question_scope(request->kind);
	const char *text = request->question.api_key;
	const struct v2m_api_key *api_key =
		text ? v2m_api_keys_find(&requests->api_keys, text) : NULL;

	if (needed && !api_key)
		return V2M_FORBIDDEN;
	if (needed && !v2m_scopes_include(api_key->scopes, needed))
		return V2M_OUT_OF_SCOPE;
	return V2M_OK;
}

/* Appends a question to the batch. 0, -EBADMSG or -ENOMEM; the message is taken over. */
static int add_request(struct v2m_requests *requests, struct v2m_message *message,
		       struct v2m_request ***last)
{
	struct v2m_request *request = calloc(1, sizeof(*request));
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	enum v2m_verdict verdict;
	int result;

	if (!request)
		return -ENOMEM;
	request->id = message->id;
	request->kind = message->kind;
	request->answer.verdict = V2M_UNREADABLE;
	v2m_put_question(&wire, request->kind, &request->question);
	result = v2m_wire_end(&wire);
	request->message = *message;
	*message = (struct v2m_message){ .fd = -1 };
	verdict = result ? V2M_FORBIDDEN : judge(requests, request);
	if (!result && verdict != V2M_OK) {
		request->answer.verdict = verdict;
		send_answer(requests, request->kind, request->id, &request->answer, NULL);
	} else if (!result && v2m_clock_mono_ns() <= request->question.deadline_ns) {
		**last = request;
		*last = &request->next;
		return 0;
	}
	free_request(request);
	return result;
}

static int take_failure(struct v2m_requests *requests, const struct v2m_message *message)
{
	struct v2m_error error = { 0 };

	if (!message->length || message->length > sizeof(error.text) ||
	    message->id > V2M_FAILURE_DAMAGED)
		return -EBADMSG;
	memcpy(error.text, message->data, message->length);
	error.text[message->length - 1] = 0;
	error.failure = (enum v2m_failure)message->id;
	requests->told(V2M_ANSWERING_FAILED, &error, requests->told_context);
	return 0;
}

static int take_message(struct v2m_requests *requests, struct v2m_message *message,
			struct v2m_request ***last)
{
	static const struct v2m_error none;

	if (message->fd >= 0)
		return -EBADMSG;
	if (message->kind < V2M_N_QUESTIONS)
		return add_request(requests, message, last);
	switch (message->kind) {
	case V2M_SAY_READY:
		requests->told(V2M_ANSWERING_READY, &none, requests->told_context);
		return 0;
	case V2M_SAY_FAILED:
		return take_failure(requests, message);
	case V2M_SAY_READ:
		requests->handlers.was_read(message->id, requests->handlers.context);
		return 0;
	default:
		return -EBADMSG;
	}
}

/* Receives what waits. A transfer of all totals is the last of its batch, so that the event loop
 * goes round before the next one. 0 if the channel is still of use. */
static int receive_batch(struct v2m_requests *requests, struct v2m_request **batch, int *end)
{
	struct v2m_request **last = batch;
	struct v2m_message message;
	int result = 1;

	for (size_t i = 0; i < BATCH_MAX && requests->channel >= 0; i++) {
		bool is_transfer;

		result = v2m_channel_receive(requests->channel, V2M_QUESTION_MAX, &message);
		if (result <= 0)
			break;
		is_transfer = message.kind == V2M_ASK_EXPORT || message.kind == V2M_ASK_IMPORT;
		result = take_message(requests, &message, &last);
		v2m_message_clear(&message);
		if (result)
			break;
		result = 1;
		if (is_transfer)
			break;
	}
	*end = result;
	return result == 1 || result == -EAGAIN ? 0 : -EPIPE;
}

static int follow_channel(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct v2m_requests *requests = context;
	struct v2m_request *batch = NULL;
	int end = 0;
	int result = v2m_outbox_flush(&requests->outbox, requests->channel);

	(void)source;
	(void)fd;
	(void)events;
	if (result) {
		end_channel(requests, result);
		return 0;
	}
	result = receive_batch(requests, &batch, &end);
	answer_batch(requests, batch);
	if (result)
		end_channel(requests, end);
	follow_outbox(requests);
	return 0;
}

int v2m_requests_connect(struct v2m_requests *requests, int channel, v2m_answering_told told,
			 void *context)
{
	int result;

	v2m_requests_disconnect(requests);
	result = sd_event_add_io(requests->event, &requests->source, channel, EPOLLIN,
				 follow_channel, requests);
	/* Sampling and what else the meter does by itself come first. */
	if (result >= 0)
		result = sd_event_source_set_priority(requests->source,
						      SD_EVENT_PRIORITY_NORMAL + 10);
	if (result < 0) {
		v2m_requests_disconnect(requests);
		return result;
	}
	requests->channel = channel;
	requests->told = told;
	requests->told_context = context;
	requests->outbox.max_count = KEPT_MESSAGES;
	requests->outbox.max_bytes = KEPT_BYTES;
	return 0;
}

void v2m_requests_tell_api_keys(struct v2m_requests *requests)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	if (requests->channel < 0)
		return;
	v2m_put_api_keys(&wire, &requests->api_keys);
	v2m_requests_tell(requests, V2M_NEWS_API_KEYS, &wire, -1);
}

void v2m_requests_set_api_keys(struct v2m_requests *requests, const struct v2m_api_keys *api_keys)
{
	requests->api_keys = *api_keys;
	v2m_requests_tell_api_keys(requests);
}

void v2m_requests_tell(struct v2m_requests *requests, uint32_t kind, const struct v2m_wire *wire,
		       int fd)
{
	send_message(requests, kind, 0, wire, fd);
	follow_outbox(requests);
}

void v2m_requests_tell_window(struct v2m_requests *requests, const struct v2m_snapshot *snapshot,
			      uint64_t expires_ns)
{
	struct v2m_answer answer = { .verdict = V2M_OK, .window.expires_ns = expires_ns };

	send_answer(requests, V2M_ASK_WINDOW, 0, &answer, snapshot);
	follow_outbox(requests);
}

void v2m_requests_withdraw_window(struct v2m_requests *requests, bool follows)
{
	v2m_requests_tell(requests, follows ? V2M_NEWS_OUTDATED : V2M_NEWS_WITHDRAWN, NULL, -1);
}
