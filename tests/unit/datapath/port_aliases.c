// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Published ports in the table that the programs look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/transport.h"
#include "datapath/port_slots.h"

#define SLOT 7

static struct v2m_port_slot *compose(struct v2m_port_alias *aliases, size_t count)
{
	const struct v2m_port_rule rules[] = {
		{ 10001, 10001, V2M_TCP | V2M_UDP, true, false },
		{ 444, 444, V2M_TCP, false, false },
	};
	const struct v2m_port_rule *ordered[] = { &rules[0], &rules[1] };
	const int slots[] = { SLOT, SLOT + 1 };
	const struct v2m_port_aliases list = { aliases, count, count };
	struct v2m_port_slot *wanted = calloc(65536, sizeof(*wanted));
	struct v2m_port_slot places[4];

	assert_non_null(wanted);
	v2m_port_slots_compose(ordered, slots, 2, wanted);
	v2m_port_aliases_compose(&list, places, wanted);
	return wanted;
}

static void a_published_port_counts_in_the_slot_behind_it(void **state)
{
	struct v2m_port_alias aliases[] = {
		{ 443, 443, 10001, V2M_TCP, V2M_ALIAS_RULE, 0 },
		{ 20000, 20002, 10001, V2M_UDP, V2M_ALIAS_RULE, 0 },
	};
	struct v2m_port_slot *wanted = compose(aliases, 2);

	(void)state;
	assert_int_equal(wanted[443].tcp.slot, SLOT);
	assert_true(wanted[443].tcp.counted);
	assert_false(wanted[443].udp.counted);
	for (unsigned port = 20000; port <= 20002; port++) {
		assert_int_equal(wanted[port].udp.slot, SLOT);
		assert_true(wanted[port].udp.counted);
	}
	assert_false(wanted[20003].udp.counted);
	/* The server listens on a loopback address, and the published port is outside. */
	assert_true(wanted[10001].tcp.loopback);
	assert_false(wanted[443].tcp.loopback);
	free(wanted);
}

static void a_port_of_a_rule_stays_in_its_slot(void **state)
{
	struct v2m_port_alias aliases[] = { { 443, 445, 10001, V2M_TCP, V2M_ALIAS_RULE, 0 } };
	struct v2m_port_slot *wanted = compose(aliases, 1);

	(void)state;
	assert_int_equal(wanted[443].tcp.slot, SLOT);
	assert_int_equal(wanted[444].tcp.slot, SLOT + 1);
	assert_int_equal(wanted[445].tcp.slot, SLOT);
	free(wanted);
}

static void an_alias_is_not_the_target_of_another_one(void **state)
{
	struct v2m_port_alias aliases[] = {
		{ 443, 443, 10001, V2M_TCP, V2M_ALIAS_RULE, 0 },
		{ 80, 80, 443, V2M_TCP, V2M_ALIAS_RULE, 0 },
		{ 81, 81, 9999, V2M_TCP, V2M_ALIAS_RULE, 0 },
	};
	struct v2m_port_slot *wanted = compose(aliases, 3);

	(void)state;
	assert_false(wanted[80].tcp.counted);
	assert_false(wanted[81].tcp.counted);
	free(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_port_counts_in_the_slot_behind_it),
		cmocka_unit_test(a_port_of_a_rule_stays_in_its_slot),
		cmocka_unit_test(an_alias_is_not_the_target_of_another_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
