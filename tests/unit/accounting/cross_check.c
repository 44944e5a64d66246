// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/cross_check.h"

#include "unit/fixture.h"

#define MEGA     1000000
#define WINDOW_S 600

struct state {
	struct v2m_cross_check *check;
	struct v2m_cross_reading reading; /* of slot 443 */
	struct v2m_cross_result result;
	uint64_t dropped;
	uint64_t second;
};

static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	state->check = v2m_cross_check_new(WINDOW_S);
	state->reading = (struct v2m_cross_reading){
		443, 1, { 500 * MEGA, 9 * MEGA }, { 800 * MEGA, 5 * MEGA }, 0
	};
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_cross_check_free(state->check);
	free(state);
	return 0;
}

static void add(struct state *state)
{
	const struct v2m_cross_reading readings[] = { { .slot_number = 80, .identity = 1 },
						      state->reading };

	state->second += 5;
	assert_int_equal(v2m_cross_check_add(state->check, readings, 2, state->dropped,
					     state->second * SECOND_NS, &state->result),
			 0);
}

static void what_was_before_the_first_reading_does_not_matter(void **context)
{
	struct state *state = *context;

	add(state);
	add(state);
	add(state);
	assert_int_equal(state->result.uncounted.slot_number, 0);
	assert_int_equal(state->result.undelivered.slot_number, 0);
}

static void more_delivered_than_counted_is_found_at_the_second_reading(void **context)
{
	struct state *state = *context;

	add(state);
	state->reading.tx.counted += 50 * MEGA;
	state->reading.tx.delivered += 52 * MEGA;
	add(state);
	assert_int_equal(state->result.uncounted.slot_number, 0);
	add(state);
	assert_int_equal(state->result.uncounted.slot_number, 443);
	assert_true(state->result.uncounted.tx);
	assert_int_equal(state->result.uncounted.bytes.delivered, 52 * MEGA);
	assert_int_equal(state->result.uncounted.bytes.counted, 50 * MEGA);
	assert_int_equal(state->result.undelivered.slot_number, 0);
}

static void a_percent_or_a_mebibyte_alone_is_no_finding(void **context)
{
	struct state *state = *context;

	add(state);
	state->reading.rx.counted += MEGA;
	state->reading.rx.delivered += 2 * MEGA; /* less than 1 MiB more */
	for (int i = 0; i < 3; i++)
		add(state);
	assert_int_equal(state->result.uncounted.slot_number, 0);
	state->reading.rx.counted += 1000 * MEGA;
	state->reading.rx.delivered += 1008 * MEGA; /* less than 1 % more */
	for (int i = 0; i < 3; i++)
		add(state);
	assert_int_equal(state->result.uncounted.slot_number, 0);
}

static void a_finding_ends_after_a_window_without_it(void **context)
{
	struct state *state = *context;
	unsigned readings = 0;

	add(state);
	state->reading.rx.delivered += 9 * MEGA;
	add(state);
	add(state);
	assert_int_equal(state->result.uncounted.slot_number, 443);
	assert_false(state->result.uncounted.tx);
	for (; state->result.uncounted.slot_number; readings++)
		add(state);
	assert_in_range(readings * 5, WINDOW_S, 2 * WINDOW_S);
}

static void twice_as_much_counted_as_delivered_is_found(void **context)
{
	struct state *state = *context;

	add(state);
	state->reading.rx.counted += 16 * MEGA; /* less than 16 MiB */
	add(state);
	assert_int_equal(state->result.undelivered.slot_number, 0);
	state->reading.rx.counted += 24 * MEGA;
	state->reading.rx.delivered += 20 * MEGA;
	add(state);
	assert_int_equal(state->result.undelivered.slot_number, 0);
	state->reading.rx.counted += MEGA;
	add(state);
	assert_int_equal(state->result.undelivered.slot_number, 443);
	assert_int_equal(state->result.undelivered.bytes.counted, 41 * MEGA);
	assert_int_equal(state->result.uncounted.slot_number, 0);
}

static void what_is_sent_again_or_dropped_by_the_queue_is_no_finding(void **context)
{
	struct state *state = *context;

	add(state);
	state->reading.tx.counted += 100 * MEGA;
	state->reading.tx.delivered += 30 * MEGA;
	state->reading.tx_again += 25 * MEGA;
	state->dropped += 15 * MEGA;
	add(state);
	assert_int_equal(state->result.undelivered.slot_number, 0);
	state->reading.tx.counted += MEGA;
	add(state);
	assert_int_equal(state->result.undelivered.slot_number, 443);
	assert_true(state->result.undelivered.tx);
}

static void other_counters_begin_anew(void **context)
{
	struct state *state = *context;

	add(state);
	state->reading.identity = 2;
	state->reading.rx.delivered += 99 * MEGA;
	for (int i = 0; i < 3; i++)
		add(state);
	assert_int_equal(state->result.uncounted.slot_number, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_before_the_first_reading_does_not_matter),
		TEST(more_delivered_than_counted_is_found_at_the_second_reading),
		TEST(a_percent_or_a_mebibyte_alone_is_no_finding),
		TEST(a_finding_ends_after_a_window_without_it),
		TEST(twice_as_much_counted_as_delivered_is_found),
		TEST(what_is_sent_again_or_dropped_by_the_queue_is_no_finding),
		TEST(other_counters_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
