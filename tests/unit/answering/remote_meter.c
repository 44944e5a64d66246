// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A remote meter, and at the other end of the channel a thread that answers from a fake one. */
#include "answering/remote_meter.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "api/traffic.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "fake/fake_meter.h"
#include "ipc/answer.h"
#include "ipc/keyset.h"
#include "ipc/snapshot.h"
#include "process/channel.h"

#define HOUR_NS UINT64_C(3600000000000)

static struct {
	int ends[2]; /* the remote meter's and the other side's */
	int pulse_fd;
	struct v2m_key_ring ring;
	struct v2m_pulse *pulse;
	struct fake_meter *fake;
	struct v2m_remote_meter *remote;
	const struct v2m_meter *meter; /* the remote one */
	pthread_t receiver;
	pthread_t other_side;
	int result;       /* of the receiver */
	unsigned windows; /* atomic; questions for a window */
	unsigned reads;   /* atomic; notes that a window was read */
	uint64_t generation;
} world;

static void send_wire(uint32_t kind, uint64_t id, const struct v2m_wire *wire)
{
	const struct v2m_message message = {
		.kind = kind,
		.id = id,
		.data = wire ? wire->items : NULL,
		.length = wire ? wire->length : 0,
		.fd = -1,
	};

	assert_int_equal(v2m_channel_send(world.ends[1], &message), 0);
}

/* A new window that is active for an hour. */
static void send_window(uint64_t id)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire keys = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_snapshot *snapshot = fake_meter_snapshot(world.fake);
	struct v2m_answer answer = {
		.window.generation = snapshot->generation,
		.window.expires_ns = v2m_clock_mono_ns() + HOUR_NS,
		.window.attached = true,
	};

	if (!world.generation) {
		v2m_write_keyset(&keys, snapshot->keyset);
		send_wire(V2M_NEWS_KEYSET, 0, &keys);
	}
	world.generation = snapshot->generation;
	v2m_put_answer(&wire, V2M_ASK_WINDOW, &answer);
	v2m_write_snapshot(&wire, snapshot);
	send_wire(V2M_ASK_WINDOW, id, &wire);
	v2m_snapshot_unref(snapshot);
}

static void fill_answer(enum v2m_question_kind kind, const struct v2m_question *question,
			struct v2m_answer *answer)
{
	const struct v2m_meter *meter = fake_meter(world.fake);
	const struct v2m_history_query query = {
		.id_or_uuid = question->key_id,
		.month = question->month,
		.from = question->from,
		.to = question->to,
	};

	if (kind == V2M_ASK_RESET)
		answer->verdict = meter->reset(meter->context, question->api_key, question->key_id,
					       &answer->reset);
	if (kind == V2M_ASK_HISTORY)
		answer->verdict = meter->history(meter->context, &query, &answer->history);
	if (kind == V2M_ASK_HOURS)
		answer->verdict =
			meter->hours(meter->context, &query, &answer->hours, &answer->n_hours);
	if (kind == V2M_ASK_IMPORT)
		answer->verdict = meter->import_totals(
			meter->context, question->api_key, question->document,
			question->document_length, &answer->imported, &answer->error);
	if (kind == V2M_ASK_EXPORT)
		answer->verdict =
			meter->export_totals(meter->context, &answer->text, &answer->length);
	if (kind == V2M_ASK_STATUS)
		answer->verdict = meter->status(meter->context, &answer->status);
}

static void answer_message(const struct v2m_message *message)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_wire reader = v2m_wire_reader(message->data, message->length);
	struct v2m_question question = { 0 };
	struct v2m_answer answer = { 0 };

	if (message->kind == V2M_SAY_READ) {
		__atomic_add_fetch(&world.reads, 1, __ATOMIC_SEQ_CST);
		return;
	}
	v2m_put_question(&reader, message->kind, &question);
	assert_int_equal(v2m_wire_end(&reader), 0);
	if (message->kind == V2M_ASK_WINDOW) {
		__atomic_add_fetch(&world.windows, 1, __ATOMIC_SEQ_CST);
		send_window(message->id);
	} else if (message->kind != V2M_ASK_RATES) { /* which stay without an answer */
		fill_answer(message->kind, &question, &answer);
		v2m_put_answer(&wire, message->kind, &answer);
		send_wire(message->kind, message->id, &wire);
	}
	v2m_answer_clear(&answer);
	v2m_question_clear(&question);
}

static void *be_other_side(void *argument)
{
	struct pollfd channel = { .fd = world.ends[1], .events = POLLIN };
	struct v2m_message message;
	int result;

	while ((result = v2m_channel_receive(world.ends[1], V2M_QUESTION_MAX, &message)) != 0) {
		if (result == 1) {
			answer_message(&message);
			v2m_message_clear(&message);
		} else {
			poll(&channel, 1, -1);
		}
	}
	return argument;
}

static void *receive_answers(void *argument)
{
	world.result = v2m_remote_meter_run(world.remote);
	return argument;
}

static int set_up(void **state)
{
	const struct fake_options options = { .n_keys = 3, .n_connections = 9, .special = true };
	const struct v2m_api_keys none = { .count = 0 };

	(void)state;
	memset(&world, 0, sizeof(world));
	world.fake = fake_meter_new(&options);
	world.pulse = v2m_pulse_new(60000, &world.pulse_fd);
	if (v2m_channel_pair(world.ends))
		return -1;
	v2m_key_ring_init(&world.ring, &none);
	world.remote = v2m_remote_meter_new(world.ends[0], V2M_API_BYTES_WIRE, world.pulse,
					    &world.ring, "files");
	world.meter = v2m_remote_meter(world.remote);
	return pthread_create(&world.receiver, NULL, receive_answers, NULL) ||
	       pthread_create(&world.other_side, NULL, be_other_side, NULL);
}

static void hang_up(void)
{
	shutdown(world.ends[1], SHUT_RDWR);
	pthread_join(world.receiver, NULL);
	pthread_join(world.other_side, NULL);
}

/* The remote meter itself lives as long as its process. */
static int tear_down(void **state)
{
	(void)state;
	hang_up();
	close(world.ends[0]);
	close(world.ends[1]);
	close(world.pulse_fd);
	fake_meter_free(world.fake);
	return 0;
}

static struct v2m_window *take_window(bool fresh)
{
	struct v2m_window *window = NULL;

	assert_int_equal(world.meter->window(world.meter->context, fresh, &window), V2M_OK);
	return window;
}

static void expect_windows(unsigned questions, unsigned reads)
{
	for (int i = 0; i < 1000 && __atomic_load_n(&world.reads, __ATOMIC_SEQ_CST) < reads; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(&world.reads, __ATOMIC_SEQ_CST), reads);
	assert_int_equal(__atomic_load_n(&world.windows, __ATOMIC_SEQ_CST), questions);
}

static void an_active_window_is_asked_for_once(void **state)
{
	struct v2m_window *first = take_window(false);

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct v2m_window *window = take_window(false);

		assert_ptr_equal(window, first);
		v2m_window_unref(window);
	}
	expect_windows(1, 1);
	v2m_window_unref(take_window(true));
	expect_windows(2, 1);
	v2m_window_unref(first);
}

static void a_withdrawn_window_is_not_used_any_more(void **state)
{
	struct v2m_window *first = take_window(false);
	struct v2m_window *second = first;

	(void)state;
	send_wire(V2M_NEWS_WITHDRAWN, 0, NULL);
	for (int i = 0; i < 5000 && second == first; i++) {
		v2m_window_unref(second == first && i ? second : NULL);
		second = take_window(false);
		usleep(200);
	}
	assert_ptr_not_equal(first, second);
	v2m_window_unref(first);
	v2m_window_unref(second);
}

static const struct v2m_body *body_of(struct v2m_window *window)
{
	return v2m_window_body(window, "simple", v2m_api_simple, NULL, true);
}

static unsigned renderings; /* atomic */

static int render_and_count(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			    const void *argument, struct v2m_body *body)
{
	__atomic_add_fetch(&renderings, 1, __ATOMIC_SEQ_CST);
	return v2m_api_simple(snapshot, unit, argument, body);
}

static void the_next_window_is_rendered_before_it_is_read(void **state)
{
	struct v2m_window *first = take_window(false);
	struct v2m_window *next = first;

	(void)state;
	assert_non_null(body_of(first));
	v2m_window_unref(take_window(false));
	send_window(0);
	for (int i = 0; i < 5000 && next == first; i++) {
		v2m_window_unref(i ? next : NULL);
		next = take_window(false);
		usleep(200);
	}
	assert_ptr_not_equal(first, next);
	expect_windows(1, 2);
	assert_string_not_equal(body_of(first)->data, body_of(next)->data);
	v2m_window_unref(first);
	v2m_window_unref(next);
}

/* As after a reset. */
static void what_follows_an_outdated_window_is_rendered_before_it_is_read(void **state)
{
	struct v2m_window *first = take_window(false);
	struct v2m_window *next = NULL;
	unsigned before, asked;

	(void)state;
	assert_non_null(v2m_window_body(first, "counted", render_and_count, NULL, true));
	before = __atomic_load_n(&renderings, __ATOMIC_SEQ_CST);
	asked = __atomic_load_n(&world.windows, __ATOMIC_SEQ_CST);
	send_wire(V2M_NEWS_OUTDATED, 0, NULL);
	send_window(0);
	for (int i = 0; i < 30000 && __atomic_load_n(&renderings, __ATOMIC_SEQ_CST) == before; i++)
		usleep(1000);
	assert_int_equal(__atomic_load_n(&renderings, __ATOMIC_SEQ_CST), before + 1);
	/* It becomes active when all is rendered. A reader that comes before asks for another one.
	 */
	next = take_window(false);
	assert_ptr_not_equal(first, next);
	assert_non_null(v2m_window_body(next, "counted", render_and_count, NULL, true));
	asked = __atomic_load_n(&world.windows, __ATOMIC_SEQ_CST) - asked;
	assert_in_range(__atomic_load_n(&renderings, __ATOMIC_SEQ_CST), before + 1,
			before + 1 + asked);
	v2m_window_unref(first);
	v2m_window_unref(next);
}

static void calls_get_the_answers_of_the_other_side(void **state)
{
	const struct v2m_meter *meter = world.meter;
	const struct v2m_history_query query = { .id_or_uuid = "key-1", .month = FAKE_MONTH };
	const struct v2m_history_query nobody = { .id_or_uuid = "nobody" };
	struct v2m_import_result imported = { 0 };
	struct v2m_history history = { 0 };
	struct v2m_status *status = NULL;
	struct v2m_reset reset = { 0 };
	struct v2m_error error = { 0 };
	char *text = NULL;
	size_t length;

	(void)state;
	assert_int_equal(meter->reset(meter->context, "wrong", "key-1", &reset), V2M_FORBIDDEN);
	assert_int_equal(meter->reset(meter->context, FAKE_API_KEY, "key-1", &reset), V2M_OK);
	assert_string_equal(reset.key_id, "key-1");
	assert_int_equal(meter->history(meter->context, &nobody, &history), V2M_KEY_NOT_FOUND);
	assert_int_equal(meter->history(meter->context, &query, &history), V2M_OK);
	assert_int_equal(history.keys[0].n_days, 2);
	v2m_history_clear(&history);
	assert_int_equal(meter->export_totals(meter->context, &text, &length), V2M_OK);
	assert_string_equal(text, FAKE_DOCUMENT);
	assert_int_equal(
		meter->import_totals(meter->context, FAKE_API_KEY, text, length, &imported, &error),
		V2M_OK);
	assert_int_equal(fake_meter_imported(world.fake), length);
	assert_int_equal(imported.refused, 3);
	free(text);
	assert_int_equal(meter->status(meter->context, &status), V2M_OK);
	assert_string_equal(status->unprotected, "files");
	v2m_status_free(status);
}

static void *ask_in_vain(void *argument)
{
	struct v2m_key_rates rates = { 0 };

	*(enum v2m_verdict *)argument = world.meter->rates(world.meter->context, "key-1", &rates);
	return NULL;
}

static void start_in_vain(pthread_t *thread, enum v2m_verdict *verdict)
{
	*verdict = V2M_OK;
	assert_int_equal(pthread_create(thread, NULL, ask_in_vain, verdict), 0);
	usleep(20000);
}

static void if_the_other_side_ends_nobody_waits(void **state)
{
	struct v2m_window *window = NULL;
	enum v2m_verdict verdict;
	pthread_t thread;

	(void)state;
	start_in_vain(&thread, &verdict);
	shutdown(world.ends[1], SHUT_RDWR);
	pthread_join(thread, NULL);
	assert_int_equal(verdict, V2M_UNREADABLE);
	assert_int_equal(world.meter->window(world.meter->context, true, &window), V2M_UNREADABLE);
}

static void what_makes_no_sense_ends_the_meter(void **state)
{
	struct v2m_wire wire = { .items = (uint8_t *)"\0\0\0", .length = 3 };
	enum v2m_verdict verdict;
	pthread_t thread;

	(void)state;
	start_in_vain(&thread, &verdict);
	send_wire(V2M_ASK_STATUS, 5, &wire);
	pthread_join(thread, NULL);
	assert_int_equal(verdict, V2M_UNREADABLE);
	hang_up();
	assert_int_equal(world.result, -EBADMSG);
	assert_int_equal(pthread_create(&world.receiver, NULL, receive_answers, NULL), 0);
	assert_int_equal(pthread_create(&world.other_side, NULL, be_other_side, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_active_window_is_asked_for_once),
		TEST(a_withdrawn_window_is_not_used_any_more),
		TEST(the_next_window_is_rendered_before_it_is_read),
		TEST(what_follows_an_outdated_window_is_rendered_before_it_is_read),
		TEST(calls_get_the_answers_of_the_other_side),
		TEST(if_the_other_side_ends_nobody_waits),
		TEST(what_makes_no_sense_ends_the_meter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
