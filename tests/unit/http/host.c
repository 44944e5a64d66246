// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/macros.h"

static char *names[] = { (char *)"meter.example.org", (char *)"other" };
static const struct v2m_strings listed = { .items = names, .count = 2 };
static const struct v2m_strings none;

static void addresses_and_localhost_are_ours(void **state)
{
	static const char *const ours[] = {
		"127.0.0.1", "127.0.0.1:9469", "192.0.2.7:80", "[::1]:9469", "[2001:db8::1]",
		"localhost", "LOCALHOST:1",    "localhost.",   "",
	};

	(void)state;
	assert_true(v2m_host_is_ours(NULL, &none));
	for (size_t i = 0; i < V2M_ARRAY_LEN(ours); i++)
		assert_true(v2m_host_is_ours(ours[i], &none));
}

static void other_names_are_foreign(void **state)
{
	static const char *const foreign[] = {
		"evil.example",
		"evil.example:9469",
		"127.0.0.1.evil.example",
		"localhost.evil",
		"127.0.0.1@evil",
		"[::1]evil",
		"[::1].evil:80",
		"[evil]",
		"127.0.0.1:80.evil",
		"127.1",
		"0x7f000001",
		"meter.example.org",
		"localhost evil",
		"2130706433",
		"evil,localhost",
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(foreign); i++)
		assert_false(v2m_host_is_ours(foreign[i], &none));
}

static void listed_names_are_ours(void **state)
{
	char *any[] = { (char *)"*" };
	const struct v2m_strings all = { .items = any, .count = 1 };

	(void)state;
	assert_true(v2m_host_is_ours("meter.example.org", &listed));
	assert_true(v2m_host_is_ours("Meter.Example.Org.:443", &listed));
	assert_true(v2m_host_is_ours("other:9469", &listed));
	assert_false(v2m_host_is_ours("example.org", &listed));
	assert_false(v2m_host_is_ours("x.meter.example.org", &listed));
	assert_false(v2m_host_is_ours("meter.example.org.evil", &listed));
	assert_true(v2m_host_is_ours("evil.example", &all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_localhost_are_ours),
		cmocka_unit_test(other_names_are_foreign),
		cmocka_unit_test(listed_names_are_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
