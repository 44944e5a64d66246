// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/local_paths.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define WINDOW_S 10
#define PORT     10001
#define SECOND   UINT64_C(1000000000)

struct fixture {
	struct v2m_local_paths *paths;
	struct v2m_connection_table *table;
	uint16_t counted; /* the slot that is counted on the loopback device */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->paths = v2m_local_paths_new(WINDOW_S);
	fixture->table = calloc(1, sizeof(*fixture->table) + 8 * sizeof(struct v2m_connection));
	*state = fixture;
	return fixture->paths && fixture->table ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	v2m_local_paths_free(fixture->paths);
	free(fixture->table);
	free(fixture);
	return 0;
}

static struct v2m_connection connection(const char *local, const char *remote)
{
	struct v2m_connection made = { .slot_port = PORT, .tcp_header = 32 };

	made.family = strchr(local, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(made.family, local, made.local), 1);
	assert_int_equal(inet_pton(made.family, remote, made.remote), 1);
	return made;
}

static void add(struct fixture *fixture, const char *remote, uint64_t cookie, uint64_t bytes)
{
	struct v2m_connection *made = &fixture->table->connections[fixture->table->count++];

	*made = connection("192.0.2.1", remote);
	made->cookie = cookie;
	made->rx_bytes = bytes / 4;
	made->tx_bytes = bytes - made->rx_bytes;
}

static bool is_counted(const void *context, uint16_t slot_port)
{
	return ((const struct fixture *)context)->counted == slot_port;
}

/* Takes the dump in, and begins the next one. */
static void dump(struct fixture *fixture, uint64_t second)
{
	fixture->table->mono_ns = second * SECOND;
	assert_int_equal(v2m_local_paths_add(fixture->paths, fixture->table, is_counted, fixture),
			 0);
	fixture->table->count = 0;
}

static size_t count_mattering(const struct fixture *fixture)
{
	size_t count;

	v2m_local_paths_worst(fixture->paths, &count);
	return count;
}

static void a_loopback_peer_is_local(void **state)
{
	struct v2m_connection made;

	(void)state;
	made = connection("127.0.0.1", "127.0.0.1");
	assert_true(v2m_connection_is_local(&made));
	made = connection("127.0.0.1", "127.8.9.10");
	assert_true(v2m_connection_is_local(&made));
	made = connection("::ffff:127.0.0.1", "::ffff:127.0.0.2");
	assert_true(v2m_connection_is_local(&made));
	made = connection("2001:db8::1", "::1");
	assert_true(v2m_connection_is_local(&made));
}

static void a_peer_with_the_same_address_is_local(void **state)
{
	struct v2m_connection made;

	(void)state;
	made = connection("192.0.2.1", "192.0.2.1");
	assert_true(v2m_connection_is_local(&made));
	made = connection("2001:db8::1", "2001:db8::1");
	assert_true(v2m_connection_is_local(&made));
}

static void a_peer_elsewhere_is_not_local(void **state)
{
	struct v2m_connection made;

	(void)state;
	made = connection("192.0.2.1", "192.0.2.2");
	assert_false(v2m_connection_is_local(&made));
	made = connection("192.0.2.1", "126.0.0.1");
	assert_false(v2m_connection_is_local(&made));
	made = connection("::ffff:192.0.2.1", "::ffff:192.0.2.2");
	assert_false(v2m_connection_is_local(&made));
	/* The bytes of an IPv4 loopback address, but in an IPv6 one. */
	made = connection("2001:db8::1", "7f00:1::1");
	assert_false(v2m_connection_is_local(&made));
}

static void bytes_of_several_connections_add_up_over_dumps(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, "127.0.0.1", 7, 1000);
	add(fixture, "127.0.0.1", 3, 50);
	dump(fixture, 1);
	add(fixture, "127.0.0.1", 3, 80);
	add(fixture, "127.0.0.1", 9, 5);
	dump(fixture, 6);
	assert_int_equal(v2m_local_paths_find(fixture->paths, PORT)->bytes, 1085);
	assert_int_equal(v2m_local_paths_find(fixture->paths, PORT)->connections, 2);
	dump(fixture, 11);
	assert_int_equal(v2m_local_paths_find(fixture->paths, PORT)->bytes, 1085);
	assert_int_equal(v2m_local_paths_find(fixture->paths, PORT)->connections, 0);
	assert_null(v2m_local_paths_find(fixture->paths, PORT + 1));
	assert_null(v2m_local_paths_find(fixture->paths, 1));
}

static void a_slot_that_is_counted_on_loopback_has_no_path(void **state)
{
	struct fixture *fixture = *state;

	fixture->counted = PORT;
	add(fixture, "127.0.0.1", 1, 10 * V2M_LOCAL_PATH_MIN_BYTES);
	dump(fixture, 1);
	assert_null(v2m_local_paths_find(fixture->paths, PORT));
	assert_int_equal(count_mattering(fixture), 0);
}

static void a_path_matters_from_the_minimum_on_and_for_one_window(void **state)
{
	struct fixture *fixture = *state;

	add(fixture, "127.0.0.1", 1, V2M_LOCAL_PATH_MIN_BYTES - 1);
	dump(fixture, 1);
	assert_int_equal(count_mattering(fixture), 0);
	add(fixture, "127.0.0.1", 1, V2M_LOCAL_PATH_MIN_BYTES);
	dump(fixture, 2);
	assert_int_equal(count_mattering(fixture), 1);
	dump(fixture, 2 + WINDOW_S - 1);
	assert_int_equal(count_mattering(fixture), 1);
	dump(fixture, 2 + WINDOW_S);
	assert_int_equal(count_mattering(fixture), 0);
}

/* A program that looks now and then whether the port is open. */
static void little_in_each_window_does_not_matter(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 100; i++) {
		add(fixture, "127.0.0.1", i + 1, 10000);
		dump(fixture, 1 + i * WINDOW_S);
		assert_int_equal(count_mattering(fixture), 0);
	}
	assert_int_equal(v2m_local_paths_find(fixture->paths, PORT)->bytes, 1000000);
}

static void unknown_bytes_matter_if_two_dumps_have_connections(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned i = 0; i < 2; i++) {
		add(fixture, "127.0.0.1", 0, 0);
		fixture->table->connections[0].tcp_header = 0;
		dump(fixture, 1 + i);
		assert_int_equal(count_mattering(fixture), i);
	}
}

static void the_worst_path_is_that_with_the_most_bytes(void **state)
{
	struct fixture *fixture = *state;
	size_t count;

	for (unsigned i = 0; i < 3; i++) {
		add(fixture, "127.0.0.1", i + 1, (1 + i % 2) * V2M_LOCAL_PATH_MIN_BYTES);
		fixture->table->connections[i].slot_port = (uint16_t)(443 + 2 * i);
	}
	dump(fixture, 1);
	assert_int_equal(v2m_local_paths_worst(fixture->paths, &count)->slot_port, 445);
	assert_int_equal(count, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_loopback_peer_is_local),
		TEST(a_peer_with_the_same_address_is_local),
		TEST(a_peer_elsewhere_is_not_local),
		TEST(bytes_of_several_connections_add_up_over_dumps),
		TEST(a_slot_that_is_counted_on_loopback_has_no_path),
		TEST(a_path_matters_from_the_minimum_on_and_for_one_window),
		TEST(little_in_each_window_does_not_matter),
		TEST(unknown_bytes_matter_if_two_dumps_have_connections),
		TEST(the_worst_path_is_that_with_the_most_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
