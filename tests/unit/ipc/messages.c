// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the answering process reads is what the counting process wrote: every answer that is
 * rendered from a snapshot that travelled equals the one from the original. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/exact.h"
#include "api/history.h"
#include "api/metrics.h"
#include "api/traffic.h"
#include "base/cleanup.h"
#include "fake/fake_meter.h"
#include "ipc/keyset.h"
#include "ipc/question.h"
#include "ipc/snapshot.h"
#include "unit/ipc/travel.h"

/* Reads a key set and a snapshot from copies of exactly that size. NULL: one was refused. */
static struct v2m_snapshot *read_both(const struct v2m_wire *keys, const struct v2m_wire *figures,
				      size_t length)
{
	V2M_FREE uint8_t *copy = malloc(length ? length : 1);
	struct v2m_wire key_reader = v2m_wire_reader(keys->items, keys->length);
	struct v2m_wire reader = v2m_wire_reader(copy, length);
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *keyset = v2m_read_keyset(&key_reader);
	struct v2m_snapshot *snapshot;

	assert_non_null(keyset);
	assert_int_equal(v2m_wire_end(&key_reader), 0);
	memcpy(copy, figures->items, length);
	snapshot = v2m_read_snapshot(&reader, keyset);
	if (snapshot && v2m_wire_end(&reader)) {
		v2m_snapshot_unref(snapshot);
		snapshot = NULL;
	}
	return snapshot;
}

static const struct v2m_key *key_of(const struct v2m_snapshot *snapshot, size_t index)
{
	return &snapshot->keyset->keys[index];
}

static void expect_same_body(v2m_render render, const struct v2m_snapshot *a, const void *key_a,
			     const struct v2m_snapshot *b, const void *key_b)
{
	struct v2m_body first = { 0 };
	struct v2m_body second = { 0 };

	assert_int_equal(render(a, V2M_API_BYTES_WIRE, key_a, &first), 0);
	assert_int_equal(render(b, V2M_API_BYTES_WIRE, key_b, &second), 0);
	assert_int_equal(first.status, second.status);
	assert_string_equal(first.data, second.data);
	free(first.data);
	free(second.data);
}

static void expect_same_answers(const struct v2m_snapshot *a, const struct v2m_snapshot *b)
{
	static const v2m_render all[] = { v2m_api_simple, v2m_api_keys,   v2m_api_ports_exact,
					  v2m_api_exact,  v2m_api_status, v2m_api_system_summary };
	static const v2m_render of_key[] = {
		v2m_api_key,         v2m_api_key_simple,     v2m_api_key_peers,
		v2m_api_key_traffic, v2m_api_key_port_exact, v2m_api_key_exact
	};

	static const struct v2m_status status;
	const struct v2m_metrics_input input = { 0, &status, { 1000, true } };

	expect_same_body(v2m_api_metrics, a, &input, b, &input);
	for (size_t i = 0; i < V2M_ARRAY_LEN(all); i++)
		expect_same_body(all[i], a, NULL, b, NULL);
	for (size_t i = 0; i < V2M_ARRAY_LEN(of_key); i++)
		for (size_t k = 0; k < a->keyset->n_keys; k++)
			expect_same_body(of_key[i], a, key_of(a, k), b, key_of(b, k));
}

static void send_and_compare(const struct fake_options *options)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire keys = { 0 };
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire figures = { 0 };
	struct fake_meter *fake = fake_meter_new(options);
	struct v2m_snapshot *sent = fake_meter_snapshot(fake);
	struct v2m_snapshot *got;

	v2m_write_keyset(&keys, sent->keyset);
	v2m_write_snapshot(&figures, sent);
	assert_int_equal(v2m_wire_end(&keys), 0);
	assert_int_equal(v2m_wire_end(&figures), 0);
	got = read_both(&keys, &figures, figures.length);
	assert_non_null(got);
	assert_true(v2m_keyset_equal(sent->keyset, got->keyset));
	assert_int_equal(sent->generation, got->generation);
	expect_same_answers(sent, got);
	/* Half a snapshot is none. */
	for (size_t length = 0; length < figures.length; length += 1 + figures.length / 500)
		assert_null(read_both(&keys, &figures, length));
	v2m_snapshot_unref(sent);
	v2m_snapshot_unref(got);
	fake_meter_free(fake);
}

static void answers_from_a_snapshot_that_travelled_are_the_same(void **state)
{
	const struct fake_options some = { .n_keys = 5, .n_connections = 40, .special = true };
	const struct fake_options inexact = { .n_keys = 3, .special = true, .inexact = true };
	const struct fake_options none = { 0 };

	(void)state;
	send_and_compare(&some);
	send_and_compare(&inexact);
	send_and_compare(&none);
}

/* Sends a question; 0 or -EBADMSG. */
static int ask(enum v2m_question_kind kind, struct v2m_question *question, struct v2m_question *got)
{
	V2M_CLEANUP(v2m_wire_clear) struct v2m_wire wire = { 0 };
	struct v2m_wire reader;
	int result;

	v2m_put_question(&wire, kind, question);
	reader = v2m_wire_reader(wire.items, wire.length);
	v2m_put_question(&reader, kind, got);
	result = v2m_wire_end(&reader);
	if (question->document_length && !result)
		assert_memory_equal(got->document, question->document, question->document_length);
	got->document = NULL;
	return result;
}

static void expect_refused(enum v2m_question_kind kind, struct v2m_question question)
{
	struct v2m_question got = { 0 };

	assert_int_equal(ask(kind, &question, &got), -EBADMSG);
	v2m_question_clear(&got);
}

static void questions_travel(void **state)
{
	struct v2m_question question = {
		.deadline_ns = 5,
		.fresh = true,
		.key_id = (char *)"key-1",
		.api_key = (char *)"secret",
		.month = 202508,
		.from = 20240229,
		.to = 20250804,
		.days_to_keep = 100000,
		.document = "{}",
		.document_length = 2,
	};
	struct v2m_question got = { 0 };

	(void)state;
	assert_int_equal(ask(V2M_ASK_HOURS, &question, &got), 0);
	assert_int_equal(got.deadline_ns, 5);
	assert_true(got.fresh);
	assert_string_equal(got.key_id, "key-1");
	assert_string_equal(got.api_key, "secret");
	assert_int_equal(got.month, 202508);
	assert_int_equal(got.from, 20240229);
	assert_int_equal(got.to, 20250804);
	assert_int_equal(got.days_to_keep, 100000);
	v2m_question_clear(&got);
}

static void questions_that_make_no_sense_are_refused(void **state)
{
	char long_text[9000];

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	expect_refused(V2M_ASK_RESET, (struct v2m_question){ 0 });
	expect_refused(V2M_ASK_RATES, (struct v2m_question){ 0 });
	expect_refused(V2M_ASK_HISTORY_DATE, (struct v2m_question){ 0 });
	expect_refused(V2M_ASK_HISTORY_DATE, (struct v2m_question){ .from = 20250230 });
	expect_refused(V2M_ASK_HISTORY_DATE, (struct v2m_question){ .from = -1 });
	expect_refused(V2M_ASK_HISTORY_DATE, (struct v2m_question){ .from = INT32_MAX });
	expect_refused(V2M_ASK_HISTORY, (struct v2m_question){ .month = 202513 });
	expect_refused(V2M_ASK_HISTORY, (struct v2m_question){ .month = -2 });
	expect_refused(V2M_ASK_HISTORY, (struct v2m_question){ .key_id = long_text });
	expect_refused(V2M_ASK_WINDOW, (struct v2m_question){ .api_key = long_text });
	expect_refused(V2M_ASK_HISTORY_CLEANUP, (struct v2m_question){ .days_to_keep = 100001 });
}

static void answers_about_history_travel(void **state)
{
	const struct fake_options options = { .n_keys = 2, .special = true };
	struct fake_meter *fake = fake_meter_new(&options);
	const struct v2m_meter *meter = fake_meter(fake);
	const struct v2m_history_query query = { .id_or_uuid = "key-1", .month = FAKE_MONTH };
	struct v2m_answer sent = { 0 };
	struct v2m_answer got = { 0 };

	(void)state;
	assert_int_equal(meter->history(meter->context, &query, &sent.history), V2M_OK);
	answer_travels(V2M_ASK_HISTORY, &sent, &got);
	assert_int_equal(got.history.month, FAKE_MONTH);
	assert_int_equal(got.history.n_keys, sent.history.n_keys);
	assert_string_equal(got.history.keys[0].uuid, sent.history.keys[0].uuid);
	assert_int_equal(sent.history.keys[0].n_days, 2);
	assert_int_equal(got.history.keys[0].n_days, sent.history.keys[0].n_days);
	assert_int_equal(got.history.keys[0].days[1].date, sent.history.keys[0].days[1].date);
	assert_memory_equal(&got.history.keys[0].all.totals, &sent.history.keys[0].all.totals,
			    sizeof(got.history.keys[0].all.totals));
	v2m_answer_clear(&sent);
	v2m_answer_clear(&got);
	assert_int_equal(meter->rates(meter->context, "key-1", &sent.rates), V2M_OK);
	answer_travels(V2M_ASK_RATES, &sent, &got);
	assert_int_equal(got.rates.n_points, 3);
	assert_true(got.rates.points[2].tx_bytes_s == sent.rates.points[2].tx_bytes_s);
	v2m_answer_clear(&sent);
	v2m_answer_clear(&got);
	fake_meter_free(fake);
}

static void the_status_an_export_and_a_reset_travel(void **state)
{
	const struct fake_options options = { .n_keys = 2 };
	struct fake_meter *fake = fake_meter_new(&options);
	const struct v2m_meter *meter = fake_meter(fake);
	struct v2m_body bodies[2] = { 0 };
	struct v2m_answer sent = { 0 };
	struct v2m_answer got = { 0 };

	(void)state;
	assert_int_equal(meter->status(meter->context, &sent.status), V2M_OK);
	answer_travels(V2M_ASK_STATUS, &sent, &got);
	assert_int_equal(v2m_status_render(sent.status, &bodies[0]), 0);
	assert_int_equal(v2m_status_render(got.status, &bodies[1]), 0);
	assert_string_equal(bodies[0].data, bodies[1].data);
	free(bodies[0].data);
	free(bodies[1].data);
	assert_int_equal(meter->export_totals(meter->context, &sent.text, &sent.length), V2M_OK);
	answer_travels(V2M_ASK_EXPORT, &sent, &got);
	assert_string_equal(got.text, FAKE_DOCUMENT);
	assert_int_equal(meter->reset(meter->context, FAKE_API_KEY, "key-0", &sent.reset), V2M_OK);
	answer_travels(V2M_ASK_RESET, &sent, &got);
	assert_string_equal(got.reset.uuid, sent.reset.uuid);
	assert_memory_equal(&got.reset.closed, &sent.reset.closed, sizeof(got.reset.closed));
	v2m_answer_clear(&sent);
	v2m_answer_clear(&got);
	fake_meter_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_from_a_snapshot_that_travelled_are_the_same),
		cmocka_unit_test(questions_travel),
		cmocka_unit_test(questions_that_make_no_sense_are_refused),
		cmocka_unit_test(answers_about_history_travel),
		cmocka_unit_test(the_status_an_export_and_a_reset_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
