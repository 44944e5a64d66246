// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When connection tracking is asked for connections that are older than a counted port. */
#include "paths/masqueraded.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/transport.h"
#include "paths/conntrack.h"

int __wrap_v2m_conntrack_read_masqueraded(const uint8_t wanted[65536],
					  struct v2m_foreign_flows *flows);

static int answer;
static unsigned asked;
static unsigned wanted_of_443;

int __wrap_v2m_conntrack_read_masqueraded(const uint8_t wanted[65536],
					  struct v2m_foreign_flows *flows)
{
	(void)flows;
	asked++;
	wanted_of_443 = wanted[443];
	return answer;
}

static int look(struct v2m_masqueraded *known, uint16_t last)
{
	const struct v2m_port_rule rule = { .first_port = 443,
					    .last_port = last,
					    .transports = V2M_TCP };
	const struct v2m_port_aliases aliases = { 0 };
	struct v2m_foreign_flows flows = { 0 };

	asked = wanted_of_443 = 0;
	return v2m_masqueraded_read(known, &rule, 1, &aliases, &flows);
}

static void it_is_asked_only_if_a_port_is_new(void **state)
{
	struct v2m_masqueraded *known = calloc(1, sizeof(*known));

	(void)state;
	answer = 0;
	assert_int_equal(look(known, 443), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(look(known, 443), 0);
	assert_int_equal(asked, 0);
	assert_int_equal(look(known, 444), 0);
	assert_int_equal(asked, 1);
	free(known);
}

/* Also for the ports that were known before: a part of the answer may have been lost. */
static void after_a_failure_it_is_asked_again(void **state)
{
	struct v2m_masqueraded *known = calloc(1, sizeof(*known));

	(void)state;
	answer = -ENOBUFS;
	assert_int_equal(look(known, 443), -ENOBUFS);
	assert_true(known->missed);
	answer = 0;
	assert_int_equal(look(known, 443), 0);
	assert_int_equal(asked, 1);
	assert_int_equal(wanted_of_443, V2M_TCP);
	assert_false(known->missed);
	assert_int_equal(look(known, 443), 0);
	assert_int_equal(asked, 0);
	free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_only_if_a_port_is_new),
		cmocka_unit_test(after_a_failure_it_is_asked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
