// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/udp_senders.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/transport.h"

#define SECOND UINT64_C(1000000000)

static void dump(struct v2m_udp_senders *senders, uint64_t second,
		 const struct v2m_udp_sender *sockets, size_t count)
{
	struct v2m_udp_senders found = { .mono_ns = second * SECOND };

	for (size_t i = 0; i < count; i++)
		assert_int_equal(v2m_array_add(&found, sockets[i]), 0);
	v2m_udp_senders_replace(senders, &found);
}

static void a_socket_counts_when_it_is_open_for_a_while(void **state)
{
	const struct v2m_udp_sender sockets[] = { { 443, 9, 0 }, { 443, 7, 0 }, { 80, 8, 0 } };
	struct v2m_udp_senders senders = { 0 };
	size_t slots;

	(void)state;
	dump(&senders, 10, sockets, 3);
	assert_int_equal(v2m_udp_senders_worst(&senders, &slots), 0);
	assert_int_equal(slots, 0);
	dump(&senders, 10 + V2M_UDP_SENDER_AGE_S, sockets, 3);
	assert_int_equal(v2m_udp_senders_worst(&senders, &slots), 443);
	assert_int_equal(slots, 2);
	assert_int_equal(v2m_udp_senders_count(&senders, 443), 2);
	assert_int_equal(v2m_udp_senders_count(&senders, 80), 1);
	assert_int_equal(v2m_udp_senders_count(&senders, 81), 0);
	v2m_udp_senders_clear(&senders);
}

/* Somebody who looks now and then whether the port answers. */
static void sockets_that_come_and_go_do_not_count(void **state)
{
	struct v2m_udp_senders senders = { 0 };
	size_t slots;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		const struct v2m_udp_sender socket = { 443, i, 0 };

		dump(&senders, 1 + i * 5, &socket, 1);
		assert_int_equal(v2m_udp_senders_worst(&senders, &slots), 0);
	}
	dump(&senders, 200, NULL, 0);
	assert_int_equal(senders.count, 0);
	v2m_udp_senders_clear(&senders);
}

/* A socket at the loopback address of a family. *port: 0, or where its peer is. Its own port is in
 * *port then. */
static int open_socket(int family, uint16_t *port)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons(*port) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6,
				     .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				     .sin6_port = htons(*port) };
	struct sockaddr *address = family == AF_INET ? (void *)&ipv4 : (void *)&ipv6;
	socklen_t length = family == AF_INET ? sizeof(ipv4) : sizeof(ipv6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if ((*port ? connect(fd, address, length) : bind(fd, address, length)) ||
	    getsockname(fd, address, &length)) {
		close(fd);
		return -1;
	}
	*port = ntohs(family == AF_INET ? ipv4.sin_port : ipv6.sin6_port);
	return fd;
}

static void check_family(int family)
{
	uint16_t port = 0;
	int server = open_socket(family, &port);
	uint16_t client_port = port;
	int client = server < 0 ? -1 : open_socket(family, &client_port);
	struct v2m_port_rule rule = { port, port, V2M_TCP | V2M_UDP, false, false };
	struct v2m_foreign_flow flow = { .remote_port = 4000, .protocol = IPPROTO_UDP };
	const struct v2m_foreign_flows none = { 0 };
	const struct v2m_foreign_flows tracked = { &flow, 1, 1 };
	struct v2m_udp_senders senders = { 0 };
	int result;

	flow.port = client_port;
	if (client < 0)
		skip();
	result = v2m_udp_senders_read(&senders, &rule, 1, &tracked, SECOND);
	if (result == -ENOENT || result == -EPERM)
		skip();
	assert_int_equal(result, 0);
	assert_int_equal(senders.count, 1);
	assert_int_equal(senders.items[0].slot_port, port);
	/* It is counted there, or not by UDP, or it is another port. */
	rule.loopback = true;
	assert_int_equal(v2m_udp_senders_read(&senders, &rule, 1, &tracked, SECOND), 0);
	assert_int_equal(senders.count, 0);
	rule = (struct v2m_port_rule){ port, port, V2M_TCP, false, false };
	assert_int_equal(v2m_udp_senders_read(&senders, &rule, 1, &tracked, SECOND), 0);
	assert_int_equal(senders.count, 0);
	rule = (struct v2m_port_rule){ client_port, client_port, V2M_UDP, false, false };
	assert_int_equal(v2m_udp_senders_read(&senders, &rule, 1, &none, SECOND), 0);
	assert_int_equal(senders.count, 0);
	/* A flow from a socket without a peer counts as one, unless the slot has another socket. */
	assert_int_equal(v2m_udp_senders_read(&senders, &rule, 1, &tracked, SECOND), 0);
	assert_int_equal(senders.count, 1);
	flow.port = port;
	rule = (struct v2m_port_rule){ port, port, V2M_UDP, false, false };
	assert_int_equal(v2m_udp_senders_read(&senders, &rule, 1, &tracked, SECOND), 0);
	assert_int_equal(senders.count, 1);
	v2m_udp_senders_clear(&senders);
	close(client);
	close(server);
}

static void the_kernel_lists_a_socket_whose_peer_is_a_port_here(void **state)
{
	(void)state;
	check_family(AF_INET);
}

static void the_kernel_lists_such_a_socket_of_ipv6(void **state)
{
	(void)state;
	check_family(AF_INET6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_counts_when_it_is_open_for_a_while),
		cmocka_unit_test(sockets_that_come_and_go_do_not_count),
		cmocka_unit_test(the_kernel_lists_a_socket_whose_peer_is_a_port_here),
		cmocka_unit_test(the_kernel_lists_such_a_socket_of_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
