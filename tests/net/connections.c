// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "connections.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/format.h"
#include "base/transport.h"

#define MAX_LINES 64
#define LINE_LEN  256

struct v2m_sockets *sockets;

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

static void list_by_ss(const uint16_t *ports, size_t n_ports, struct lines *lines)
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

struct v2m_connection_table *dump(const uint16_t *ports, size_t n_ports)
{
	struct v2m_port_rule *rules = calloc(n_ports + 1, sizeof(*rules));
	struct v2m_connection_table *table = NULL;
	struct v2m_error error = { 0 };

	assert_non_null(rules);
	for (size_t i = 0; i < n_ports; i++)
		rules[i] = (struct v2m_port_rule){ ports[i], ports[i], V2M_TCP, false, false };
	if (v2m_sockets_dump(sockets, rules, n_ports, &table, &error))
		fail_msg("%s", error.text);
	free(rules);
	return table;
}

static void list_by_dump(const uint16_t *ports, size_t n_ports, struct lines *lines)
{
	struct v2m_connection_table *table = dump(ports, n_ports);

	assert_true(table->count <= MAX_LINES);
	for (size_t i = 0; i < table->count; i++) {
		const struct v2m_connection *connection = &table->connections[i];
		char local[V2M_FORMAT_ENDPOINT_LEN];
		char remote[V2M_FORMAT_ENDPOINT_LEN];

		v2m_format_local(connection, local);
		v2m_format_remote(connection, remote);
		snprintf(lines->text[i], LINE_LEN, "%s %s %s", v2m_format_state(connection->state),
			 local, remote);
	}
	lines->count = table->count;
	v2m_connection_table_unref(table);
	sort_lines(lines);
}

void assert_same_as_ss(const uint16_t *ports, size_t n_ports, size_t expected)
{
	static struct lines from_ss;
	static struct lines from_dump;

	list_by_ss(ports, n_ports, &from_ss);
	list_by_dump(ports, n_ports, &from_dump);
	assert_int_equal(from_ss.count, expected);
	assert_int_equal(from_dump.count, expected);
	for (size_t i = 0; i < expected; i++)
		assert_string_equal(from_dump.text[i], from_ss.text[i]);
}

size_t count_state(uint16_t port, const char *state)
{
	static struct lines lines;
	size_t n = 0;

	list_by_ss(&port, 1, &lines);
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

int listen_on(const char *host, uint16_t port, const char *device)
{
	struct address address = make_address(host, port, "");
	int fd = make_socket(&address, device);

	assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.length), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

struct pair connect_to(int listener, const char *host, uint16_t port, const char *scope)
{
	struct address address = make_address(host, port, scope);
	struct pair pair = { .client = make_socket(&address, "") };

	assert_int_equal(connect(pair.client, (struct sockaddr *)&address.storage, address.length),
			 0);
	pair.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair.server >= 0);
	return pair;
}

void cut(struct pair pair)
{
	const struct linger at_once = { .l_onoff = 1 };

	setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(pair.client);
	close(pair.server);
}

int open_sockets(void **state)
{
	struct v2m_error error = { 0 };

	(void)state;
	if (v2m_sockets_open(&sockets, &error) == 0)
		return 0;
	print_error("%s\n", error.text);
	return -1;
}

int close_sockets(void **state)
{
	(void)state;
	v2m_sockets_close(sockets);
	return 0;
}
