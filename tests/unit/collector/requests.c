// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The counting process against an answering process that somebody has taken over. */
#include "collector/requests.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "fake/fake_meter.h"
#include "ipc/api_keys.h"
#include "ipc/snapshot.h"

#define FAR UINT64_MAX

static struct {
	sd_event *event;
	struct v2m_requests *requests;
	int ends[2]; /* ours and the other side's */
	size_t answered;
	uint64_t read;
	enum v2m_answering_state state;
	unsigned told;
	struct v2m_snapshot *snapshot; /* what windows are answered with */
} world;

static void answer_batch(struct v2m_request *batch, void *context)
{
	(void)context;
	for (; batch; batch = batch->next) {
		world.answered++;
		batch->answer.verdict = V2M_OK;
		if (batch->kind == V2M_ASK_WINDOW)
			batch->snapshot = v2m_snapshot_ref(world.snapshot);
	}
}

static void note_read(uint64_t generation, void *context)
{
	(void)context;
	world.read = generation;
}

static void note_state(enum v2m_answering_state state, const struct v2m_error *error, void *context)
{
	(void)context;
	assert_non_null(error);
	world.state = state;
	world.told++;
}

static int set_up(void **state)
{
	const struct v2m_requests_handlers handlers = { answer_batch, note_read, NULL };
	struct v2m_api_keys keys = { .count = 1 };

	(void)state;
	memset(&world, 0, sizeof(world));
	snprintf(keys.items[0].name, sizeof(keys.items[0].name), "reader");
	keys.items[0].scopes = V2M_SCOPE_READ;
	v2m_sha256("read", 4, keys.items[0].hash);
	v2m_api_keys_set_single(&keys, "right");
	if (sd_event_new(&world.event) < 0 || v2m_channel_pair(world.ends))
		return -1;
	world.requests = v2m_requests_new(world.event, &keys, &handlers);
	return v2m_requests_connect(world.requests, world.ends[0], note_state, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	v2m_requests_free(world.requests);
	sd_event_unref(world.event);
	close(world.ends[0]);
	close(world.ends[1]);
	return 0;
}

static void run_loop(void)
{
	while (sd_event_run(world.event, 0) > 0)
		;
}

static void send_bytes(uint32_t kind, uint64_t id, const void *data, size_t length)
{
	const struct v2m_message message = {
		.kind = kind,
		.id = id,
		.data = data,
		.length = length,
		.fd = -1,
	};

	assert_int_equal(v2m_channel_send(world.ends[1], &message), 0);
}

static void send_question(enum v2m_question_kind kind, uint64_t id, struct v2m_question question)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };

	v2m_put_question(&wire, kind, &question);
	send_bytes(kind, id, wire.items, wire.length);
}

/* Receives the next message. Its verdict if it is the answer to that question, else -1. */
static int verdict_of(enum v2m_question_kind kind, uint64_t id)
{
	struct v2m_answer answer = { 0 };
	struct v2m_message message;
	struct v2m_wire wire;
	int verdict = -1;

	if (v2m_channel_receive(world.ends[1], V2M_ANSWER_MAX, &message) != 1)
		return -1;
	wire = v2m_wire_reader(message.data, message.length);
	v2m_put_answer(&wire, kind, &answer);
	if (message.kind == kind && message.id == id && !v2m_wire_end(&wire))
		verdict = answer.verdict;
	v2m_answer_clear(&answer);
	v2m_message_clear(&message);
	return verdict;
}

static void a_change_needs_the_api_key(void **state)
{
	static const enum v2m_question_kind changes[] = {
		V2M_ASK_RESET,
		V2M_ASK_HISTORY_RESET,
		V2M_ASK_HISTORY_CLEANUP,
		V2M_ASK_IMPORT,
	};

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		struct v2m_question question = { .deadline_ns = FAR, .key_id = (char *)"k" };

		send_question(changes[i], 3 * i, question);
		question.api_key = (char *)"wrong";
		send_question(changes[i], 3 * i + 1, question);
		run_loop();
		assert_int_equal(world.answered, i);
		assert_int_equal(verdict_of(changes[i], 3 * i), V2M_FORBIDDEN);
		assert_int_equal(verdict_of(changes[i], 3 * i + 1), V2M_FORBIDDEN);
		question.api_key = (char *)"right";
		send_question(changes[i], 3 * i + 2, question);
		run_loop();
		assert_int_equal(world.answered, i + 1);
		assert_int_equal(verdict_of(changes[i], 3 * i + 2), V2M_OK);
	}
	assert_int_equal(world.told, 0);
}

static void a_change_needs_the_scope_for_it(void **state)
{
	struct v2m_question question = {
		.deadline_ns = FAR, .key_id = (char *)"k", .api_key = (char *)"read", .document = ""
	};
	const enum v2m_question_kind changes[] = { V2M_ASK_RESET, V2M_ASK_HISTORY_RESET,
						   V2M_ASK_HISTORY_CLEANUP, V2M_ASK_IMPORT };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		send_question(changes[i], i, question);
		run_loop();
		assert_int_equal(verdict_of(changes[i], i), V2M_OUT_OF_SCOPE);
	}
	assert_int_equal(world.answered, 0);
	send_question(V2M_ASK_STATUS, 9, question);
	run_loop();
	assert_int_equal(verdict_of(V2M_ASK_STATUS, 9), V2M_OK);
}

/* The other side is told of the keys that are valid now, and an older key opens nothing. */
static void a_revoked_key_changes_nothing(void **state)
{
	struct v2m_question question = { .deadline_ns = FAR,
					 .key_id = (char *)"k",
					 .api_key = (char *)"right" };
	struct v2m_api_keys keys = { .count = 0 };
	struct v2m_api_keys got = { .count = 0 };
	struct v2m_message message;
	struct v2m_wire wire;

	(void)state;
	v2m_api_keys_set_single(&keys, "another");
	v2m_requests_set_api_keys(world.requests, &keys);
	assert_int_equal(v2m_channel_receive(world.ends[1], V2M_ANSWER_MAX, &message), 1);
	assert_int_equal(message.kind, V2M_NEWS_API_KEYS);
	wire = v2m_wire_reader(message.data, message.length);
	v2m_put_api_keys(&wire, &got);
	assert_int_equal(v2m_wire_end(&wire), 0);
	assert_non_null(v2m_api_keys_find(&got, "another"));
	v2m_message_clear(&message);
	send_question(V2M_ASK_RESET, 1, question);
	run_loop();
	assert_int_equal(verdict_of(V2M_ASK_RESET, 1), V2M_FORBIDDEN);
}

static void nobody_is_answered_after_the_deadline(void **state)
{
	(void)state;
	send_question(V2M_ASK_EXPORT, 1, (struct v2m_question){ .deadline_ns = 1 });
	send_question(V2M_ASK_EXPORT, 2, (struct v2m_question){ .deadline_ns = FAR });
	run_loop();
	assert_int_equal(world.answered, 1);
	assert_int_equal(verdict_of(V2M_ASK_EXPORT, 2), V2M_OK);
}

static void notes_are_told(void **state)
{
	(void)state;
	send_bytes(V2M_SAY_READY, 0, NULL, 0);
	run_loop();
	assert_int_equal(world.state, V2M_ANSWERING_READY);
	send_bytes(V2M_SAY_READ, 7, NULL, 0);
	send_bytes(V2M_SAY_FAILED, V2M_FAILURE_BUSY, "taken", 6);
	run_loop();
	assert_int_equal(world.read, 7);
	assert_int_equal(world.state, V2M_ANSWERING_FAILED);
}

static void expect_gone(void)
{
	run_loop();
	assert_int_equal(world.state, V2M_ANSWERING_GONE);
	assert_int_equal(world.told, 1);
	assert_int_equal(world.answered, 0);
}

static void a_message_of_an_unknown_kind_closes_the_channel(void **state)
{
	(void)state;
	send_bytes(V2M_N_MESSAGES, 0, NULL, 0);
	expect_gone();
}

static void half_a_question_closes_the_channel(void **state)
{
	(void)state;
	send_bytes(V2M_ASK_WINDOW, 1, "\1\2\3", 3);
	expect_gone();
}

static void a_failure_of_an_unknown_class_closes_the_channel(void **state)
{
	(void)state;
	send_bytes(V2M_SAY_FAILED, 1000, "x", 2);
	expect_gone();
}

static void the_end_of_the_other_side_is_told(void **state)
{
	(void)state;
	shutdown(world.ends[1], SHUT_RDWR);
	expect_gone();
}

/* The other side asks for windows and reads nothing. */
static void who_does_not_read_is_cut_off_and_waits_for_nobody(void **state)
{
	const struct fake_options options = { .n_keys = 200, .n_connections = 2000 };
	struct fake_meter *fake = fake_meter_new(&options);

	(void)state;
	for (uint64_t i = 0; i < 100000 && !world.told; i++) {
		const struct v2m_question question = { .deadline_ns = FAR };

		v2m_snapshot_unref(world.snapshot);
		world.snapshot = fake_meter_snapshot(fake);
		send_question(V2M_ASK_WINDOW, i, question);
		run_loop();
	}
	assert_int_equal(world.state, V2M_ANSWERING_GONE);
	v2m_snapshot_unref(world.snapshot);
	fake_meter_free(fake);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_needs_the_api_key),
		TEST(a_change_needs_the_scope_for_it),
		TEST(a_revoked_key_changes_nothing),
		TEST(nobody_is_answered_after_the_deadline),
		TEST(notes_are_told),
		TEST(a_message_of_an_unknown_kind_closes_the_channel),
		TEST(half_a_question_closes_the_channel),
		TEST(a_failure_of_an_unknown_class_closes_the_channel),
		TEST(the_end_of_the_other_side_is_told),
		TEST(who_does_not_read_is_cut_off_and_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
