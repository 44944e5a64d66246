// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "namespace.h"

#define MAX_LINES 64
#define LINE_LEN  160

static struct v2m_sockets *sockets;

/* Lines like "ESTAB 192.0.2.1:443 192.0.2.2:5000", sorted. */
struct lines {
	char text[MAX_LINES][LINE_LEN];
	size_t count;
};

static int compare_lines(const void *left, const void *right)
{
	return strcmp(left, right);
}

static void sort_lines(struct lines *lines)
{
	qsort(lines->text, lines->count, LINE_LEN, compare_lines);
}

static bool is_listed(uint16_t port, const uint16_t *ports, size_t n_ports)
{
	for (size_t i = 0; i < n_ports; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static void ask_ss(const uint16_t *ports, size_t n_ports, struct lines *lines)
{
	FILE *ss = popen("ss -tnH", "r");
	char line[512];

	assert_non_null(ss);
	lines->count = 0;
	while (fgets(line, sizeof(line), ss)) {
		char state[32];
		char local[64];
		char remote[64];

		assert_int_equal(sscanf(line, "%31s %*s %*s %63s %63s", state, local, remote), 3);
		if (!is_listed((uint16_t)strtoul(strrchr(local, ':') + 1, NULL, 10), ports,
			       n_ports))
			continue;
		if (strcmp(state, "ESTAB") && strcmp(state, "CLOSE-WAIT") &&
		    strcmp(state, "LAST-ACK"))
			continue;
		assert_true(lines->count < MAX_LINES);
		snprintf(lines->text[lines->count++], LINE_LEN, "%s %s %s", state, local, remote);
	}
	assert_int_equal(pclose(ss), 0);
	sort_lines(lines);
}

static const char *state_name(uint8_t state)
{
	return state == V2M_TCP_ESTABLISHED  ? "ESTAB"
	       : state == V2M_TCP_CLOSE_WAIT ? "CLOSE-WAIT"
	       : state == V2M_TCP_LAST_ACK   ? "LAST-ACK"
					     : "?";
}

static void write_endpoint(const struct v2m_connection *connection, const uint8_t *address,
			   uint16_t port, const char *device, char text[64])
{
	char host[INET6_ADDRSTRLEN];
	bool v6 = connection->family == AF_INET6;

	assert_non_null(inet_ntop(connection->family, address, host, sizeof(host)));
	snprintf(text, 64, "%s%s%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", *device ? "%" : "",
		 device, port);
}

static struct v2m_connection_table *dump(const uint16_t *ports, size_t n_ports)
{
	struct v2m_connection_table *table = NULL;
	struct v2m_error error = { "" };

	if (v2m_sockets_dump(sockets, ports, n_ports, &table, &error))
		fail_msg("%s", error.text);
	return table;
}

static void ask_kernel(const uint16_t *ports, size_t n_ports, struct lines *lines)
{
	struct v2m_connection_table *table = dump(ports, n_ports);

	assert_true(table->count <= MAX_LINES);
	for (size_t i = 0; i < table->count; i++) {
		const struct v2m_connection *connection = &table->connections[i];
		char local[64];
		char remote[64];

		write_endpoint(connection, connection->local, connection->local_port,
			       connection->device, local);
		write_endpoint(connection, connection->remote, connection->remote_port, "", remote);
		snprintf(lines->text[i], LINE_LEN, "%s %s %s", state_name(connection->state), local,
			 remote);
	}
	lines->count = table->count;
	v2m_connection_table_unref(table);
	sort_lines(lines);
}

static void assert_same_as_ss(const uint16_t *ports, size_t n_ports, size_t expected)
{
	static struct lines from_ss;
	static struct lines from_kernel;

	ask_ss(ports, n_ports, &from_ss);
	ask_kernel(ports, n_ports, &from_kernel);
	assert_int_equal(from_ss.count, expected);
	assert_int_equal(from_kernel.count, expected);
	for (size_t i = 0; i < expected; i++)
		assert_string_equal(from_kernel.text[i], from_ss.text[i]);
}

/* Counts the lines of ss for a port that begin with the state. */
static size_t count_state(uint16_t port, const char *state)
{
	static struct lines lines;
	size_t n = 0;

	ask_ss(&port, 1, &lines);
	for (size_t i = 0; i < lines.count; i++)
		n += strncmp(lines.text[i], state, strlen(state)) == 0;
	return n;
}

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
};

static struct address make_address(const char *host, uint16_t port, const char *scope)
{
	struct address address = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address.storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.storage;

	if (strchr(host, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		v6->sin6_scope_id = *scope ? if_nametoindex(scope) : 0;
		address.length = sizeof(*v6);
		assert_int_equal(inet_pton(AF_INET6, host, &v6->sin6_addr), 1);
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		address.length = sizeof(*v4);
		assert_int_equal(inet_pton(AF_INET, host, &v4->sin_addr), 1);
	}
	return address;
}

static int make_socket(const struct address *address, const char *device)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (*device)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
					    (socklen_t)strlen(device)),
				 0);
	return fd;
}

static int listen_on(const char *host, uint16_t port, const char *device)
{
	struct address address = make_address(host, port, "");
	int fd = make_socket(&address, device);

	assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.length), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* Both ends of a connection to a listener. */
struct pair {
	int client;
	int server;
};

static struct pair connect_to(int listener, const char *host, uint16_t port, const char *scope)
{
	struct address address = make_address(host, port, scope);
	struct pair pair = { .client = make_socket(&address, "") };

	assert_int_equal(connect(pair.client, (struct sockaddr *)&address.storage, address.length),
			 0);
	pair.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair.server >= 0);
	return pair;
}

/* Ends a connection without a trace: by a reset, no TIME-WAIT. */
static void cut(struct pair pair)
{
	const struct linger at_once = { .l_onoff = 1 };

	setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(pair.client);
	close(pair.server);
}

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

static void a_device_that_is_gone_is_called_by_its_index(void **state)
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

static bool has_close_wait(void *context)
{
	(void)context;
	return count_state(5031, "CLOSE-WAIT") == 1;
}

static bool has_nothing(void *context)
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
	assert_true(wait_until(has_close_wait, NULL));
	assert_same_as_ss(ports, 1, 1);
	/* The server's FIN cannot be acknowledged while the device is down. */
	assert_int_equal(shell("ip link set lo down"), 0);
	close(pair.server);
	assert_int_equal(count_state(5031, "LAST-ACK"), 1);
	assert_same_as_ss(ports, 1, 1);
	assert_int_equal(shell("ip link set lo up"), 0);
	assert_true(wait_until(has_nothing, NULL));
	assert_same_as_ss(ports, 1, 0);
	close(pair.client);
	close(listener);
}

static void connections_being_made_or_over_are_not_listed(void **state)
{
	const uint16_t ports[] = { 5032 };
	int listener = listen_on("127.0.0.1", 5032, "");
	struct pair pair = connect_to(listener, "127.0.0.1", 5032, "");

	(void)state;
	/* The one that closes first goes through FIN-WAIT-2 to TIME-WAIT. */
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
	/* More ports apart from each other than the kernel's filter holds: it lets 7102 through. */
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
	assert_ptr_equal(v2m_connection_table_port(table, 5042, &count), &table->connections[10]);
	assert_int_equal(count, 10);
	assert_null(v2m_connection_table_port(table, 5044, &count));
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
	struct v2m_error error = { "" };
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
	assert_string_equal(error.text, "listing TCP connections: Too many open files");
}

static int open_sockets(void **state)
{
	struct v2m_error error = { "" };

	(void)state;
	if (v2m_sockets_open(&sockets, &error) == 0)
		return 0;
	print_error("%s\n", error.text);
	return -1;
}

static int close_sockets(void **state)
{
	(void)state;
	v2m_sockets_close(sockets);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_and_mapped_addresses_are_as_ss_prints_them),
		cmocka_unit_test(sockets_bound_to_a_device_carry_its_name),
		cmocka_unit_test(link_local_connections_carry_the_device),
		cmocka_unit_test(a_device_that_is_gone_is_called_by_its_index),
		cmocka_unit_test(half_closed_connections_are_listed_until_they_end),
		cmocka_unit_test(connections_being_made_or_over_are_not_listed),
		cmocka_unit_test(only_monitored_ports_are_listed),
		cmocka_unit_test(the_table_is_sorted_by_port),
		cmocka_unit_test(a_table_grows_with_what_it_holds),
		cmocka_unit_test(no_ports_give_an_empty_table),
		cmocka_unit_test(opening_says_why_it_failed),
	};

	enter_own_namespace();
	if (shell("ip link set lo up"))
		return 1;
	return cmocka_run_group_tests(tests, open_sockets, close_sockets);
}
