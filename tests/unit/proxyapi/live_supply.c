// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxyapi/live_supply.h"

static int learn(struct v2m_live_supply *supply, const char *api)
{
	struct v2m_strings apis = { 0 };
	int result;

	assert_int_equal(v2m_strings_add(&apis, api), 0);
	result = v2m_live_supply_learn(supply, &apis);
	v2m_strings_clear(&apis);
	return result;
}

/* The reading process names these APIs, and it may have been taken over by a file. */
static void apis_that_a_reading_names_are_followed_if_they_are_of_this_host(void **state)
{
	const struct v2m_strings no_sources = { 0 };
	struct v2m_live_supply *supply;

	(void)state;
	assert_int_equal(v2m_live_supply_open(&no_sources, &supply), 0);
	assert_int_equal(learn(supply, "xray-api://127.0.0.1:1"), 1);
	assert_int_equal(learn(supply, "xray-api://127.0.0.1:1"), 0);
	assert_int_equal(learn(supply, "xray-api+unix:@x"), 1);
	assert_int_equal(learn(supply, "xray-api://192.0.2.1:1"), 0);
	assert_int_equal(learn(supply, "xray-api://[2001:db8::1]:1"), 0);
	assert_int_equal(learn(supply, "/etc/passwd"), 0);
	v2m_live_supply_close(supply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apis_that_a_reading_names_are_followed_if_they_are_of_this_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
