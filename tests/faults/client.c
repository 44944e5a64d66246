// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the answering process would ask, and a look at the answers. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "faults/fake_kernel.h"
#include "faults/world.h"
#include "ipc/answer.h"
#include "ipc/keyset.h"
#include "ipc/snapshot.h"
#include "process/channel.h"

#define STEPS 400
#define FAR   UINT64_MAX

static void run_loop(void)
{
	for (int i = 0; i < 16 && sd_event_run(faults_world.event, 0) > 0; i++)
		;
}

static void note_state(enum v2m_answering_state state, const struct v2m_error *error, void *context)
{
	(void)error;
	(void)context;
	faults_world.gone = state == V2M_ANSWERING_GONE;
}

/* The daemon starts another answering process if the last one has gone, so we come back. */
static bool connect_again(void)
{
	const struct v2m_greeting greeting = { .n_listeners = 1, .empty_in = (char *)"/tmp" };
	/* Nobody listens at it. */
	const int listener = STDIN_FILENO;

	if (faults_world.ends[1] >= 0 && !faults_world.gone)
		return true;
	if (faults_world.ends[1] >= 0) {
		v2m_collector_disconnect(faults_world.collector);
		v2m_closep(&faults_world.ends[0]);
		v2m_closep(&faults_world.ends[1]);
	}
	faults_world.gone = false;
	if (v2m_channel_pair(faults_world.ends)) {
		faults_world.ends[0] = faults_world.ends[1] = -1;
		return false;
	}
	v2m_collector_connect(faults_world.collector, faults_world.ends[0], &greeting, &listener,
			      note_state, NULL);
	return !faults_world.gone;
}

static void take_keyset(const struct v2m_message *message)
{
	struct v2m_wire wire = v2m_wire_reader(message->data, message->length);
	struct v2m_keyset *keyset = v2m_read_keyset(&wire);

	if (!keyset)
		return;
	v2m_keyset_unref(faults_world.keyset);
	faults_world.keyset = keyset;
}

/* Asks and waits. True with the answer, whose memory is the caller's; *wire is behind it. */
static bool ask(enum v2m_question_kind kind, struct v2m_question *question,
		struct v2m_message *message, struct v2m_wire *wire, struct v2m_answer *answer)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire sent = { 0 };
	struct v2m_message asked = { .kind = kind, .id = ++faults_world.last_id, .fd = -1 };

	question->deadline_ns = FAR;
	if (!connect_again())
		return false;
	v2m_put_question(&sent, kind, question);
	asked.data = sent.items;
	asked.length = sent.length;
	if (sent.failed || v2m_channel_send(faults_world.ends[1], &asked))
		return false;
	for (int i = 0; i < STEPS && !faults_world.gone; i++) {
		int received;

		run_loop();
		while ((received = v2m_channel_receive(faults_world.ends[1], V2M_ANSWER_MAX,
						       message)) == 1) {
			if (message->kind == kind && message->id == asked.id) {
				*wire = v2m_wire_reader(message->data, message->length);
				v2m_put_answer(wire, kind, answer);
				return !wire->failed;
			}
			if (message->kind == V2M_NEWS_KEYSET)
				take_keyset(message);
			v2m_message_clear(message);
		}
	}
	return false;
}

uint64_t arrived_for(const char *uuid)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < N_OWNERS; i++)
		for (size_t k = 0; k < 2 && strcmp(owners[i].uuid, uuid) == 0; k++)
			if (owners[i].ports[k])
				sum += fake_kernel->arrived[owners[i].ports[k] - FAKE_PORT];
	return sum;
}

/* No key has more bytes than arrived for it, and none has lost what it had. */
static void check_window(const struct v2m_snapshot *snapshot)
{
	static uint64_t seen[N_OWNERS];

	for (size_t i = 0; i < snapshot->keyset->n_keys; i++) {
		const char *uuid = snapshot->keyset->keys[i].uuid;
		uint64_t bytes = snapshot->keys[i].lifetime.rx.wire_bytes;

		if (bytes > arrived_for(uuid))
			blame("a window has %llu bytes for %s, of %llu that arrived",
			      (unsigned long long)bytes, uuid,
			      (unsigned long long)arrived_for(uuid));
		for (size_t k = 0; k < N_OWNERS; k++) {
			if (strcmp(owners[k].uuid, uuid) != 0)
				continue;
			if (bytes < seen[k])
				blame("a window has %llu bytes for %s, after one with %llu",
				      (unsigned long long)bytes, uuid, (unsigned long long)seen[k]);
			seen[k] = bytes;
		}
	}
}

void client_ask_window(void)
{
	struct v2m_question question = { .fresh = true };
	struct v2m_answer answer = { 0 };
	struct v2m_message message = { .fd = -1 };
	struct v2m_snapshot *snapshot = NULL;
	struct v2m_wire wire;

	if (ask(V2M_ASK_WINDOW, &question, &message, &wire, &answer) && answer.verdict == V2M_OK &&
	    faults_world.keyset)
		snapshot = v2m_read_snapshot(&wire, faults_world.keyset);
	if (snapshot)
		check_window(snapshot);
	v2m_snapshot_unref(snapshot);
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
}

void client_ask_reset(void)
{
	struct v2m_question question = { .key_id = (char *)"aaaa", .api_key = (char *)API_KEY };
	struct v2m_answer answer = { 0 };
	struct v2m_message message = { .fd = -1 };
	struct v2m_wire wire;

	faults_world.report->reset_lost = !ask(V2M_ASK_RESET, &question, &message, &wire, &answer);
	if (!faults_world.report->reset_lost && answer.verdict == V2M_OK) {
		faults_world.report->reset_done = true;
		faults_world.report->reset_closed = answer.reset.closed.rx.wire_bytes;
	}
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
}

bool client_ask_status(char *reason, size_t size)
{
	struct v2m_question question = { 0 };
	struct v2m_answer answer = { 0 };
	struct v2m_message message = { .fd = -1 };
	struct v2m_wire wire;
	bool done = ask(V2M_ASK_STATUS, &question, &message, &wire, &answer) && answer.status;

	if (done)
		snprintf(reason, size, "%s", answer.status->health_reason);
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
	return done;
}
