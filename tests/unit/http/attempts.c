// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/attempts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define START  (1000 * SECOND)
#define FREE   10
#define QUEUE  31 /* one a second for thirty seconds, and the first one */

static struct v2m_attempts attempts;

static int set_up(void **state)
{
	(void)state;
	v2m_attempts_init(&attempts);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	v2m_attempts_destroy(&attempts);
	return 0;
}

static void note(uint32_t address, unsigned times, uint64_t now_ns)
{
	for (unsigned i = 0; i < times; i++)
		v2m_attempts_note(&attempts, address, now_ns);
}

static void ten_are_free_and_then_one_a_second(void **state)
{
	(void)state;
	note(1, FREE - 1, START);
	assert_false(v2m_attempts_is_slow(&attempts, 1, START));
	assert_int_equal(v2m_attempts_take_turn(&attempts, 1, START), START);
	note(1, 1, START);
	assert_true(v2m_attempts_is_slow(&attempts, 1, START));
	for (unsigned i = 1; i < QUEUE; i++)
		assert_int_equal(v2m_attempts_take_turn(&attempts, 1, START), START + i * SECOND);
	assert_int_equal(v2m_attempts_take_turn(&attempts, 1, START), V2M_NO_TURN);
}

/* A turn that was taken is paid for: the server notes that attempt as well, at its time. */
static void an_attempt_costs_once(void **state)
{
	uint64_t now_ns = START;

	(void)state;
	note(1, FREE, now_ns);
	for (unsigned i = 0; i < 100; i++) {
		now_ns = v2m_attempts_take_turn(&attempts, 1, now_ns);
		note(1, 1, now_ns);
	}
	assert_int_equal(now_ns, START + 100 * SECOND);
}

static void time_forgives(void **state)
{
	(void)state;
	note(1, FREE, START);
	assert_false(v2m_attempts_is_slow(&attempts, 1, START + SECOND));
	assert_true(v2m_attempts_is_slow(&attempts, 1, START + SECOND - 1));
	note(1, FREE, START + 20 * SECOND);
	assert_true(v2m_attempts_is_slow(&attempts, 1, START + 20 * SECOND));
}

static void another_address_is_not_slowed_down(void **state)
{
	(void)state;
	note(1, 100, START);
	assert_false(v2m_attempts_is_slow(&attempts, 2, START));
	assert_int_equal(v2m_attempts_take_turn(&attempts, 2, START), START);
}

/* A million addresses take no more memory, and the one that owes most is not forgotten. */
static void the_table_keeps_those_that_owe_most(void **state)
{
	(void)state;
	note(1, 1000, START);
	for (uint32_t address = 2; address < 1000000; address++)
		note(address, 1, START + SECOND);
	assert_true(v2m_attempts_is_slow(&attempts, 1, START + SECOND));
}

static void the_log_is_not_filled(void **state)
{
	(void)state;
	for (uint32_t address = 1; address <= 500; address++)
		note(address, 1, START);
	assert_int_equal(attempts.unlogged, 490);
	note(1000, 1, START + 6 * SECOND);
	assert_int_equal(attempts.unlogged, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ten_are_free_and_then_one_a_second),
		TEST(an_attempt_costs_once),
		TEST(time_forgives),
		TEST(another_address_is_not_slowed_down),
		TEST(the_table_keeps_those_that_owe_most),
		TEST(the_log_is_not_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
