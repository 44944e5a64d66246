// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "http/address_counts.h"

#define MANY   900
#define ROUNDS 20000

static int make_counts(void **state)
{
	struct v2m_address_counts *counts = malloc(sizeof(*counts));

	assert_int_equal(v2m_address_counts_init(counts, MANY), 0);
	*state = counts;
	return 0;
}

static int drop_counts(void **state)
{
	v2m_address_counts_destroy(*state);
	free(*state);
	return 0;
}

static void connections_are_counted_by_address(void **state)
{
	v2m_address_counts_add(*state, 1);
	v2m_address_counts_add(*state, 1);
	v2m_address_counts_add(*state, 2);
	assert_int_equal(v2m_address_counts_get(*state, 1), 2);
	assert_int_equal(v2m_address_counts_get(*state, 2), 1);
	assert_int_equal(v2m_address_counts_get(*state, 3), 0);
	v2m_address_counts_remove(*state, 1);
	v2m_address_counts_remove(*state, 2);
	assert_int_equal(v2m_address_counts_get(*state, 1), 1);
	assert_int_equal(v2m_address_counts_get(*state, 2), 0);
}

static void an_address_that_was_not_added_is_not_removed(void **state)
{
	v2m_address_counts_add(*state, 1);
	v2m_address_counts_remove(*state, 2);
	assert_int_equal(v2m_address_counts_get(*state, 1), 1);
	assert_int_equal(v2m_address_counts_get(*state, 2), 0);
}

/* Many additions and removals in random order, compared with a plain array. */
static void many_addresses_are_counted_right(void **state)
{
	unsigned expected[MANY] = { 0 };
	uint32_t random = 12345;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t address;

		random = random * 1664525u + 1013904223u;
		address = (random >> 8) % MANY;
		/* Adds more often than it removes, until every address is there. */
		if (expected[address] && (random >> 28) < 7) {
			v2m_address_counts_remove(*state, address * 7919);
			expected[address]--;
		} else {
			v2m_address_counts_add(*state, address * 7919);
			expected[address]++;
		}
	}
	for (uint32_t address = 0; address < MANY; address++)
		assert_int_equal(v2m_address_counts_get(*state, address * 7919), expected[address]);
	for (uint32_t address = 0; address < MANY; address++)
		while (expected[address]--)
			v2m_address_counts_remove(*state, address * 7919);
	for (uint32_t address = 0; address < MANY; address++)
		assert_int_equal(v2m_address_counts_get(*state, address * 7919), 0);
}

int main(void)
{
#define COUNTS_TEST(function) cmocka_unit_test_setup_teardown(function, make_counts, drop_counts)
	const struct CMUnitTest tests[] = {
		COUNTS_TEST(connections_are_counted_by_address),
		COUNTS_TEST(an_address_that_was_not_added_is_not_removed),
		COUNTS_TEST(many_addresses_are_counted_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
