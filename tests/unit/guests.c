// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http/guests.h"

#define MANY   900
#define ROUNDS 20000

static int make_guests(void **state)
{
	struct v2m_guests *guests = malloc(sizeof(*guests));

	v2m_guests_init(guests);
	*state = guests;
	return 0;
}

static int drop_guests(void **state)
{
	v2m_guests_destroy(*state);
	free(*state);
	return 0;
}

static void connections_are_counted_by_address(void **state)
{
	v2m_guests_enter(*state, 1);
	v2m_guests_enter(*state, 1);
	v2m_guests_enter(*state, 2);
	assert_int_equal(v2m_guests_count(*state, 1), 2);
	assert_int_equal(v2m_guests_count(*state, 2), 1);
	assert_int_equal(v2m_guests_count(*state, 3), 0);
	v2m_guests_leave(*state, 1);
	v2m_guests_leave(*state, 2);
	assert_int_equal(v2m_guests_count(*state, 1), 1);
	assert_int_equal(v2m_guests_count(*state, 2), 0);
}

static void who_never_came_does_not_leave(void **state)
{
	v2m_guests_enter(*state, 1);
	v2m_guests_leave(*state, 2);
	assert_int_equal(v2m_guests_count(*state, 1), 1);
	assert_int_equal(v2m_guests_count(*state, 2), 0);
}

/* A nearly full table, in which addresses displace one another, against a plain array. */
static void a_crowd_that_comes_and_goes_is_counted_right(void **state)
{
	unsigned expected[MANY] = { 0 };
	uint32_t random = 12345;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t guest;

		random = random * 1664525u + 1013904223u;
		guest = (random >> 8) % MANY;
		/* Rather coming than going, until each is there. */
		if (expected[guest] && (random >> 28) < 7) {
			v2m_guests_leave(*state, guest * 7919);
			expected[guest]--;
		} else {
			v2m_guests_enter(*state, guest * 7919);
			expected[guest]++;
		}
	}
	for (uint32_t guest = 0; guest < MANY; guest++)
		assert_int_equal(v2m_guests_count(*state, guest * 7919), expected[guest]);
	for (uint32_t guest = 0; guest < MANY; guest++)
		while (expected[guest]--)
			v2m_guests_leave(*state, guest * 7919);
	for (uint32_t guest = 0; guest < MANY; guest++)
		assert_int_equal(v2m_guests_count(*state, guest * 7919), 0);
}

int main(void)
{
#define GUESTS_TEST(function) cmocka_unit_test_setup_teardown(function, make_guests, drop_guests)
	const struct CMUnitTest tests[] = {
		GUESTS_TEST(connections_are_counted_by_address),
		GUESTS_TEST(who_never_came_does_not_leave),
		GUESTS_TEST(a_crowd_that_comes_and_goes_is_counted_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
