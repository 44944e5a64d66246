// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/macros.h"
#include "supply/proxy_address.h"

static void loopback_addresses_are_read(void **state)
{
	struct v2m_proxy_address address;
	const struct sockaddr_in *four = (void *)&address.storage;
	const struct sockaddr_in6 *six = (void *)&address.storage;

	(void)state;
	assert_int_equal(v2m_proxy_address_parse("xray-api://127.0.0.1:10085", &address, NULL), 0);
	assert_int_equal(four->sin_port, htons(10085));
	assert_int_equal(four->sin_addr.s_addr, htonl(0x7f000001));
	assert_true(address.is_local);
	assert_int_equal(v2m_proxy_address_parse("xray-api://localhost:1", &address, NULL), 0);
	assert_true(address.is_local);
	assert_int_equal(v2m_proxy_address_parse("xray-api://[::1]:65535", &address, NULL), 0);
	assert_int_equal(six->sin6_port, htons(65535));
	assert_true(address.is_local);
}

static void another_address_is_not_local(void **state)
{
	struct v2m_proxy_address address;

	(void)state;
	assert_int_equal(v2m_proxy_address_parse("xray-api://192.0.2.7:10085", &address, NULL), 0);
	assert_false(address.is_local);
}

static void unix_sockets_may_have_a_path_or_a_name(void **state)
{
	struct v2m_proxy_address address;
	const struct sockaddr_un *socket = (void *)&address.storage;

	(void)state;
	assert_int_equal(v2m_proxy_address_parse("xray-api+unix:/run/x.sock", &address, NULL), 0);
	assert_string_equal(socket->sun_path, "/run/x.sock");
	assert_int_equal(address.length, offsetof(struct sockaddr_un, sun_path) + 12);
	assert_int_equal(v2m_proxy_address_parse("xray-api+unix:@xray", &address, NULL), 0);
	assert_memory_equal(socket->sun_path, "\0xray", 5);
	assert_int_equal(address.length, offsetof(struct sockaddr_un, sun_path) + 5);
	assert_true(address.is_local);
}

static void anything_else_is_refused_with_the_forms(void **state)
{
	static const char *const wrong[] = {
		"xray-api://",
		"xray-api://127.0.0.1",
		"xray-api://127.0.0.1:0",
		"xray-api://127.0.0.1:65536",
		"xray-api://127.0.0.1:1x",
		"xray-api://127.0.0.1: 1",
		"xray-api://example.com:1",
		"xray-api://[::1:1",
		"xray-api://:1",
		"xray-api+unix:",
		"xray-api+unix:@",
		"xray-api+unix:x.sock",
		"xray-api:127.0.0.1:1",
		"/etc/xray",
	};
	char path[160] = "xray-api+unix:/";

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(wrong); i++) {
		struct v2m_proxy_address address;
		struct v2m_error error = { 0 };

		assert_int_equal(v2m_proxy_address_parse(wrong[i], &address, &error), -EINVAL);
		assert_non_null(strstr(error.text, "expected \"xray-api://ADDRESS:PORT\""));
		assert_int_equal(error.failure, V2M_FAILURE_CONFIGURATION);
	}
	memset(path + strlen(path), 'x', 107);
	assert_int_equal(v2m_proxy_address_parse(path, &(struct v2m_proxy_address){ 0 }, NULL),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loopback_addresses_are_read),
		cmocka_unit_test(another_address_is_not_local),
		cmocka_unit_test(unix_sockets_may_have_a_path_or_a_name),
		cmocka_unit_test(anything_else_is_refused_with_the_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
