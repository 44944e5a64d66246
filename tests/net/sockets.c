// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "connections.h"

#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "namespace.h"

static void both_families_and_mapped_addresses_are_as_ss_prints_them(void **state)
{
	const uint16_t ports[] = { 5001, 5002, 5003 };
	int v4 = listen_on("0.0.0.0", 5001, "");
	int v6 = listen_on("::1", 5002, "");
	int dual = listen_on("::", 5003, "");
	struct pair a = connect_to(v4, "127.0.0.1", 5001, "");
	struct pair b = connect_to(v6, "::1", 5002, "");
	struct pair c = connect_to(dual, "127.0.0.2", 5003, "");
	struct pair d = connect_to(dual, "::1", 5003, "");

	(void)state;
	assert_same_as_ss(ports, 3, 4);
	cut(a);
	cut(b);
	cut(c);
	assert_same_as_ss(ports, 3, 1);
	cut(d);
	assert_same_as_ss(ports, 3, 0);
	close(v4);
	close(v6);
	close(dual);
}

static void sockets_bound_to_a_device_carry_its_name(void **state)
{
	const uint16_t ports[] = { 5011, 5012, 5013 };
	int v4 = listen_on("0.0.0.0", 5011, "lo");
	int v6 = listen_on("::1", 5012, "lo");
	int dual = listen_on("::", 5013, "lo");
	struct pair a = connect_to(v4, "127.0.0.1", 5011, "");
	struct pair b = connect_to(v6, "::1", 5012, "");
	struct pair c = connect_to(dual, "127.0.0.1", 5013, "");
	struct v2m_connection_table *table;

	(void)state;
	assert_same_as_ss(ports, 3, 3);
	table = dump(ports, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(table->connections[i].device, "lo");
	v2m_connection_table_unref(table);
	cut(a);
	cut(b);
	cut(c);
	close(v4);
	close(v6);
	close(dual);
}

static void link_local_connections_carry_the_device(void **state)
{
	const uint16_t ports[] = { 5021 };
	struct pair pair;
	int listener;

	(void)state;
	assert_int_equal(shell("ip link add nets0 type veth peer name nets1 && "
			       "ip -6 addr add fe80::1/64 dev nets0 nodad && "
			       "ip link set nets0 up && ip link set nets1 up"),
			 0);
	listener = listen_on("::", 5021, "");
	pair = connect_to(listener, "fe80::1", 5021, "nets0");
	assert_same_as_ss(ports, 1, 1);
	cut(pair);
	close(listener);
	assert_int_equal(shell("ip link del nets0"), 0);
}

static void a_device_that_is_gone_is_named_by_its_index(void **state)
{
	const uint16_t ports[] = { 5022 };
	struct v2m_connection_table *table;
	char expected[16];
	struct pair pair;
	int listener;

	(void)state;
	assert_int_equal(shell("ip link add nets0 type veth peer name nets1 && "
			       "ip addr add 10.99.0.1/24 dev nets0 && "
			       "ip link set nets0 up && ip link set nets1 up && "
			       "ip addr add 10.99.0.1/32 dev lo"),
			 0);
	listener = listen_on("0.0.0.0", 5022, "");
	pair = connect_to(listener, "10.99.0.1", 5022, "");
	snprintf(expected, sizeof(expected), "if%u", if_nametoindex("nets0"));
	assert_int_equal(setsockopt(pair.server, SOL_SOCKET, SO_BINDTODEVICE, "nets0", 5), 0);
	assert_int_equal(shell("ip link del nets0"), 0);
	assert_same_as_ss(ports, 1, 1);
	table = dump(ports, 1);
	assert_string_equal(table->connections[0].device, expected);
	v2m_connection_table_unref(table);
	cut(pair);
	close(listener);
}

static bool is_in_close_wait(void *context)
{
	(void)context;
	return count_state(5031, "CLOSE-WAIT") == 1;
}

static bool is_not_listed(void *context)
{
	(void)context;
	return count_state(5031, "") == 0;
}

static void half_closed_connections_are_listed_until_they_end(void **state)
{
	const uint16_t ports[] = { 5031 };
	int listener = listen_on("::", 5031, "");
	struct pair pair = connect_to(listener, "127.0.0.1", 5031, "");

	(void)state;
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	assert_true(wait_until(is_in_close_wait, NULL));
	assert_same_as_ss(ports, 1, 1);
	/* The server's FIN cannot be acknowledged while the device is down. */
	assert_int_equal(shell("ip link set lo down"), 0);
	close(pair.server);
	assert_int_equal(count_state(5031, "LAST-ACK"), 1);
	assert_same_as_ss(ports, 1, 1);
	assert_int_equal(shell("ip link set lo up"), 0);
	assert_true(wait_until(is_not_listed, NULL));
	assert_same_as_ss(ports, 1, 0);
	close(pair.client);
	close(listener);
}

static void connections_that_are_over_are_not_listed(void **state)
{
	const uint16_t ports[] = { 5032 };
	int listener = listen_on("127.0.0.1", 5032, "");
	struct pair pair = connect_to(listener, "127.0.0.1", 5032, "");

	(void)state;
	/* The end that closes first goes through FIN-WAIT-2 to TIME-WAIT. */
	close(pair.server);
	assert_same_as_ss(ports, 1, 0);
	close(pair.client);
	assert_int_equal(shell("ss -tnHa sport = 5032 | grep -q TIME-WAIT"), 0);
	assert_same_as_ss(ports, 1, 0);
	close(listener);
}

static void only_monitored_ports_are_listed(void **state)
{
	uint16_t ports[600];
	int listener = listen_on("127.0.0.1", 7101, "");
	int other = listen_on("127.0.0.1", 7102, "");
	struct pair a = connect_to(listener, "127.0.0.1", 7101, "");
	struct pair b = connect_to(other, "127.0.0.1", 7102, "");

	(void)state;
	/* So many scattered ports that the filter lets 7102 through. */
	for (size_t i = 0; i < V2M_ARRAY_LEN(ports); i++)
		ports[i] = (uint16_t)(6001 + 2 * i);
	assert_same_as_ss(ports, V2M_ARRAY_LEN(ports), 1);
	ports[0] = 7102;
	assert_same_as_ss(ports, 1, 1);
	cut(a);
	cut(b);
	close(listener);
	close(other);
}

static void the_table_is_sorted_by_port(void **state)
{
	const uint16_t ports[] = { 5041, 5042, 5043, 5044 };
	int listeners[] = { listen_on("::", 5041, ""), listen_on("127.0.0.1", 5042, ""),
			    listen_on("::", 5043, "") };
	struct v2m_connection_table *table;
	struct pair pairs[30];
	size_t count;

	(void)state;
	for (size_t i = 0; i < 30; i++)
		pairs[i] = connect_to(listeners[i % 3], "127.0.0.1", ports[i % 3], "");
	table = dump(ports, 4);
	assert_int_equal(table->count, 30);
	for (size_t i = 0; i < 30; i++)
		assert_int_equal(table->connections[i].local_port, ports[i / 10]);
	assert_ptr_equal(v2m_connection_table_slot(table, 5042, &count), &table->connections[10]);
	assert_int_equal(count, 10);
	assert_null(v2m_connection_table_slot(table, 5044, &count));
	v2m_connection_table_unref(table);
	for (size_t i = 0; i < 30; i++)
		cut(pairs[i]);
	for (size_t i = 0; i < 3; i++)
		close(listeners[i]);
}

static void a_table_grows_with_what_it_holds(void **state)
{
	const uint16_t ports[] = { 5051 };
	int listener = listen_on("127.0.0.1", 5051, "");
	struct v2m_connection_table *table;
	static struct pair pairs[3000];

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(pairs); i++)
		pairs[i] = connect_to(listener, "127.0.0.1", 5051, "");
	for (int round = 0; round < 2; round++) {
		table = dump(ports, 1);
		assert_int_equal(table->count, V2M_ARRAY_LEN(pairs));
		v2m_connection_table_unref(table);
	}
	for (size_t i = 0; i < V2M_ARRAY_LEN(pairs); i++)
		cut(pairs[i]);
	close(listener);
}

static void no_ports_give_an_empty_table(void **state)
{
	struct v2m_connection_table *table = dump(NULL, 0);

	(void)state;
	assert_int_equal(table->count, 0);
	assert_true(table->mono_ns > 0);
	v2m_connection_table_unref(table);
}

static void opening_says_why_it_failed(void **state)
{
	struct rlimit before;
	struct rlimit none;
	struct v2m_sockets *opened = NULL;
	struct v2m_error error = { 0 };
	int result;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	result = v2m_sockets_open(&opened, &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(result, -EMFILE);
	assert_null(opened);
	assert_string_equal(error.text, "cannot list TCP connections: Too many open files");
}

static void write_all(int fd, size_t length)
{
	static const char payload[4096];

	while (length > 0) {
		size_t part = length < sizeof(payload) ? length : sizeof(payload);

		assert_int_equal(send(fd, payload, part, 0), part);
		length -= part;
	}
}

static void read_all(int fd, size_t length)
{
	char payload[4096];

	while (length > 0) {
		ssize_t received = recv(fd, payload, sizeof(payload), 0);

		assert_true(received > 0);
		length -= (size_t)received;
	}
}

static void read_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

static struct v2m_connection only_connection(uint16_t port)
{
	struct v2m_connection_table *table = dump(&port, 1);
	struct v2m_connection connection;

	assert_int_equal(table->count, 1);
	connection = table->connections[0];
	v2m_connection_table_unref(table);
	return connection;
}

static bool has_sent_3000(void *context)
{
	(void)context;
	return only_connection(5061).tx_bytes == 3000;
}

static void details_count_the_payload_of_each_connection(void **state)
{
	int listener = listen_on("::", 5061, "");
	struct pair pair = connect_to(listener, "127.0.0.1", 5061, "");
	struct v2m_connection connection;
	uint64_t cookie;

	(void)state;
	assert_int_equal(v2m_sockets_want_details(sockets, true), 0);
	write_all(pair.client, 70001);
	read_all(pair.server, 70001);
	write_all(pair.server, 3000);
	read_all(pair.client, 3000);
	assert_true(wait_until(has_sent_3000, NULL));
	connection = only_connection(5061);
	assert_int_equal(connection.rx_bytes, 70001);
	assert_true(connection.rx_segments > 2 && connection.tx_segments > 2);
	assert_true(connection.rtt_us > 0);
	assert_int_equal(connection.retransmits, 0);
	cookie = connection.cookie;
	assert_int_not_equal(cookie, 0);
	/* The FIN is no payload. */
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	read_end(pair.server);
	connection = only_connection(5061);
	assert_int_equal(connection.state, V2M_TCP_CLOSE_WAIT);
	assert_int_equal(connection.rx_bytes, 70001);
	assert_int_equal(connection.tx_bytes, 3000);
	assert_int_equal(connection.cookie, cookie);
	assert_int_equal(v2m_sockets_want_details(sockets, false), 0);
	assert_int_equal(only_connection(5061).rx_bytes, 0);
	cut(pair);
	close(listener);
}

static bool has_retransmitted(void *context)
{
	(void)context;
	return only_connection(5062).retransmits > 0;
}

static void retransmitted_segments_are_counted(void **state)
{
	int listener = listen_on("127.0.0.1", 5062, "");
	struct pair pair = connect_to(listener, "127.0.0.1", 5062, "");

	(void)state;
	assert_int_equal(v2m_sockets_want_details(sockets, true), 0);
	assert_int_equal(shell("ip link set lo down"), 0);
	write_all(pair.server, 100);
	assert_true(wait_until(has_retransmitted, NULL));
	/* Counted once, although it was sent several times. */
	assert_int_equal(only_connection(5062).tx_bytes, 100);
	assert_true(only_connection(5062).sent_bytes > 100);
	assert_int_equal(shell("ip link set lo up"), 0);
	read_all(pair.client, 100);
	assert_int_equal(v2m_sockets_want_details(sockets, false), 0);
	cut(pair);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_and_mapped_addresses_are_as_ss_prints_them),
		cmocka_unit_test(sockets_bound_to_a_device_carry_its_name),
		cmocka_unit_test(link_local_connections_carry_the_device),
		cmocka_unit_test(a_device_that_is_gone_is_named_by_its_index),
		cmocka_unit_test(half_closed_connections_are_listed_until_they_end),
		cmocka_unit_test(connections_that_are_over_are_not_listed),
		cmocka_unit_test(only_monitored_ports_are_listed),
		cmocka_unit_test(the_table_is_sorted_by_port),
		cmocka_unit_test(a_table_grows_with_what_it_holds),
		cmocka_unit_test(no_ports_give_an_empty_table),
		cmocka_unit_test(details_count_the_payload_of_each_connection),
		cmocka_unit_test(retransmitted_segments_are_counted),
		cmocka_unit_test(opening_says_why_it_failed),
	};

	enter_own_namespace();
	if (shell("ip link set lo up"))
		return 1;
	return cmocka_run_group_tests(tests, open_sockets, close_sockets);
}
