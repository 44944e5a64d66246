// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When the next look at all sockets is due for an answer. */
#include "sockets/look_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_NS UINT64_C(1000000000)

static void the_first_look_is_due(void **state)
{
	const struct v2m_look_pace none = { 0 };

	(void)state;
	assert_true(v2m_look_pace_is_due(&none, 0));
	assert_true(v2m_look_pace_is_due(&none, SECOND_NS));
}

static void a_cheap_look_is_always_due(void **state)
{
	const struct v2m_look_pace last = { SECOND_NS, V2M_LOOK_CHEAP_NS - 1 };

	(void)state;
	assert_true(v2m_look_pace_is_due(&last, SECOND_NS));
}

static void a_costly_look_takes_its_share_of_the_time(void **state)
{
	const struct v2m_look_pace last = { SECOND_NS, V2M_LOOK_CHEAP_NS };
	uint64_t due_ns = SECOND_NS + V2M_LOOK_SHARE * V2M_LOOK_CHEAP_NS;

	(void)state;
	assert_false(v2m_look_pace_is_due(&last, SECOND_NS));
	assert_false(v2m_look_pace_is_due(&last, due_ns - 1));
	assert_true(v2m_look_pace_is_due(&last, due_ns));
}

static void a_look_for_nobody_takes_a_small_share_of_the_time(void **state)
{
	const struct v2m_look_pace none = { 0 };
	const struct v2m_look_pace last = { SECOND_NS, 10000000 };
	uint64_t due_ns = SECOND_NS + V2M_LOOK_UNASKED_SHARE * last.cost_ns;

	(void)state;
	assert_true(v2m_look_pace_is_due_unasked(&none, 0));
	assert_false(v2m_look_pace_is_due_unasked(&last, SECOND_NS));
	assert_false(v2m_look_pace_is_due_unasked(&last, due_ns - 1));
	assert_true(v2m_look_pace_is_due_unasked(&last, due_ns));
}

static void the_costliest_look_for_nobody_does_not_wait_for_ever(void **state)
{
	const struct v2m_look_pace last = { SECOND_NS, SECOND_NS };

	(void)state;
	assert_false(v2m_look_pace_is_due_unasked(&last, SECOND_NS + V2M_LOOK_UNASKED_WAIT_NS - 1));
	assert_true(v2m_look_pace_is_due_unasked(&last, SECOND_NS + V2M_LOOK_UNASKED_WAIT_NS));
}

static void looks_for_nobody_wait_for_the_cost_of_both(void **state)
{
	const struct v2m_unasked_looks none = { 0 };
	const struct v2m_unasked_looks looks = { .dump = { SECOND_NS, 6000000 },
						 .pass_ns = 4000000 };

	(void)state;
	assert_false(v2m_unasked_looks_may_wait(&none, SECOND_NS));
	assert_true(v2m_unasked_looks_may_wait(&looks, 6 * SECOND_NS - 1));
	assert_false(v2m_unasked_looks_may_wait(&looks, 6 * SECOND_NS));
}

static void nothing_waits_while_somebody_watches(void **state)
{
	const struct v2m_unasked_looks looks = { .dump = { 20 * SECOND_NS, SECOND_NS },
						 .needed_ns = 15 * SECOND_NS };

	(void)state;
	assert_false(v2m_unasked_looks_may_wait(&looks, 15 * SECOND_NS + V2M_LOOKS_NEEDED_NS - 1));
	assert_true(v2m_unasked_looks_may_wait(&looks, 15 * SECOND_NS + V2M_LOOKS_NEEDED_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_look_is_due),
		cmocka_unit_test(a_cheap_look_is_always_due),
		cmocka_unit_test(a_costly_look_takes_its_share_of_the_time),
		cmocka_unit_test(a_look_for_nobody_takes_a_small_share_of_the_time),
		cmocka_unit_test(the_costliest_look_for_nobody_does_not_wait_for_ever),
		cmocka_unit_test(looks_for_nobody_wait_for_the_cost_of_both),
		cmocka_unit_test(nothing_waits_while_somebody_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
