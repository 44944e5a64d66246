// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/format.h"

static void bytes_below_1024_have_no_decimals(void **state)
{
	char text[V2M_FORMAT_BYTES_LEN];

	(void)state;
	v2m_format_bytes(0, text);
	assert_string_equal(text, "0 B");
	v2m_format_bytes(1023, text);
	assert_string_equal(text, "1023 B");
}

static void bytes_from_1024_on_have_two_decimals_and_a_unit(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 1024, "1.00 KB" },           { 33323549, "31.78 MB" },  { 16661774, "15.89 MB" },
		{ 3ull << 29, "1.50 GB" },     { 5ull << 40, "5.00 TB" }, { 1ull << 50, "1.00 PB" },
		{ UINT64_MAX, "16384.00 PB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[V2M_FORMAT_BYTES_LEN];

		v2m_format_bytes(cases[i].bytes, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void times_are_local_with_microseconds_and_no_zone(void **state)
{
	char text[V2M_FORMAT_TIME_LEN];

	(void)state;
	setenv("TZ", "UTC-3", 1);
	tzset();
	v2m_format_time(1754307939255792, text);
	assert_string_equal(text, "2025-08-04T14:45:39.255792");
	v2m_format_time(1754307939000007, text);
	assert_string_equal(text, "2025-08-04T14:45:39.000007");
}

static void a_time_before_1970_keeps_its_microseconds_positive(void **state)
{
	char text[V2M_FORMAT_TIME_LEN];

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	v2m_format_time(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999");
}

static struct v2m_connection connection(int family, const char *local, const char *remote,
					const char *device)
{
	struct v2m_connection made = { .family = (uint8_t)family,
				       .local_port = 10001,
				       .remote_port = 1896 };

	assert_int_equal(inet_pton(family, local, made.local), 1);
	assert_int_equal(inet_pton(family, remote, made.remote), 1);
	strcpy(made.device, device);
	return made;
}

static void check(struct v2m_connection made, const char *local, const char *remote)
{
	char text[V2M_FORMAT_ENDPOINT_LEN];

	v2m_format_local(&made, text);
	assert_string_equal(text, local);
	v2m_format_remote(&made, text);
	assert_string_equal(text, remote);
}

static void endpoints_look_as_ss_prints_them(void **state)
{
	(void)state;
	check(connection(AF_INET, "192.0.2.14", "198.51.100.174", ""), "192.0.2.14:10001",
	      "198.51.100.174:1896");
	check(connection(AF_INET6, "2001:db8::1", "2001:db8::2", ""), "[2001:db8::1]:10001",
	      "[2001:db8::2]:1896");
	check(connection(AF_INET6, "::ffff:192.0.2.14", "::ffff:198.51.100.174", ""),
	      "[::ffff:192.0.2.14]:10001", "[::ffff:198.51.100.174]:1896");
	check(connection(AF_INET6, "::", "::", ""), "*:10001", "*:1896");
}

static void the_device_of_a_bound_socket_stands_behind_the_local_address_alone(void **state)
{
	(void)state;
	check(connection(AF_INET, "127.0.0.1", "127.0.0.1", "lo"), "127.0.0.1%lo:10001",
	      "127.0.0.1:1896");
	check(connection(AF_INET6, "fe80::1", "fe80::2", "eth0.100"), "[fe80::1]%eth0.100:10001",
	      "[fe80::2]:1896");
}

static void states_have_the_names_of_ss(void **state)
{
	(void)state;
	assert_string_equal(v2m_format_state(V2M_TCP_ESTABLISHED), "ESTAB");
	assert_string_equal(v2m_format_state(V2M_TCP_CLOSE_WAIT), "CLOSE-WAIT");
	assert_string_equal(v2m_format_state(V2M_TCP_LAST_ACK), "LAST-ACK");
	assert_string_equal(v2m_format_state(10), "LISTEN");
	assert_string_equal(v2m_format_state(0), "UNKNOWN");
	assert_string_equal(v2m_format_state(12), "UNKNOWN");
	assert_string_equal(v2m_format_state(255), "UNKNOWN");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_below_1024_have_no_decimals),
		cmocka_unit_test(bytes_from_1024_on_have_two_decimals_and_a_unit),
		cmocka_unit_test(times_are_local_with_microseconds_and_no_zone),
		cmocka_unit_test(a_time_before_1970_keeps_its_microseconds_positive),
		cmocka_unit_test(endpoints_look_as_ss_prints_them),
		cmocka_unit_test(
			the_device_of_a_bound_socket_stands_behind_the_local_address_alone),
		cmocka_unit_test(states_have_the_names_of_ss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
