// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/proc_tcp_line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"

/* As Linux writes them on a little-endian machine. */
#define LISTENER                                                                                   \
	"   1: 0100007F:24FD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0       " \
	" "                                                                                        \
	"0 424242 1 0000000000000000 100 0 0 10 0"
#define ESTABLISHED6                                                                               \
	"  12: 0000000000000000FFFF00000E0200C0:2711 0000000000000000FFFF0000AE3364C6:0768 01 "    \
	"00000000:00000000 02:00000A1F 00000000  1000        0 9007199254740993 2 0 20 4 30 10 -1"

static void assert_address(int family, const void *bytes, const char *text)
{
	char shown[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(family, bytes, shown, sizeof(shown)));
	assert_string_equal(shown, text);
}

static void a_socket_of_either_family_is_read(void **state)
{
	struct v2m_connection connection;

	(void)state;
	assert_int_equal(v2m_proc_tcp_parse(LISTENER, &connection), 0);
	assert_int_equal(connection.family, AF_INET);
	assert_int_equal(connection.state, V2M_TCP_LISTEN);
	assert_int_equal(connection.local_port, 9469);
	assert_int_equal(connection.remote_port, 0);
	assert_address(AF_INET, connection.local, "127.0.0.1");
	assert_int_equal(v2m_proc_tcp_parse(ESTABLISHED6, &connection), 0);
	assert_int_equal(connection.family, AF_INET6);
	assert_int_equal(connection.state, V2M_TCP_ESTABLISHED);
	assert_int_equal(connection.local_port, 10001);
	assert_int_equal(connection.remote_port, 1896);
	assert_address(AF_INET6, connection.local, "::ffff:192.0.2.14");
	assert_address(AF_INET6, connection.remote, "::ffff:198.100.51.174");
}

static void the_inode_is_read(void **state)
{
	uint64_t inode;

	(void)state;
	assert_int_equal(v2m_proc_tcp_inode(LISTENER, &inode), 0);
	assert_int_equal(inode, 424242);
	assert_int_equal(v2m_proc_tcp_inode(ESTABLISHED6, &inode), 0);
	assert_true(inode == UINT64_C(9007199254740993));
	assert_int_equal(v2m_proc_tcp_inode("   0: 0100007F:1389 0100007F:1389 01", &inode),
			 -EINVAL);
}

static void a_line_that_is_not_a_socket_is_refused(void **state)
{
	static const char *const lines[] = {
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt",
		"",
		"   0: 0100007F:1389 0100007F 01",
		"   0: 0100007F:1389 00000000000000000000000001000000:1389 01",
		"   0: 0100007:1389 0100007F:1389 01",
	};
	struct v2m_connection connection = { .local_port = 7 };

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(lines); i++)
		assert_int_equal(v2m_proc_tcp_parse(lines[i], &connection), -EINVAL);
	assert_int_equal(connection.local_port, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_of_either_family_is_read),
		cmocka_unit_test(the_inode_is_read),
		cmocka_unit_test(a_line_that_is_not_a_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
