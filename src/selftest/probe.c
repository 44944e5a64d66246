// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "selftest/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/macros.h"

#define ROUNDS    20
#define TIMEOUT_S 2

static const size_t sizes[] = { 1, 100, 700, 1400 };

union address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static socklen_t make_address(const struct v2m_probe *probe, union address *address)
{
	*address = (union address){ 0 };
	address->any.sa_family = (sa_family_t)probe->family;
	if (probe->family == AF_INET) {
		address->ipv4.sin_port = htons(probe->port);
		inet_pton(AF_INET, V2M_LAB_HERE4, &address->ipv4.sin_addr);
		return sizeof(address->ipv4);
	}
	address->ipv6.sin6_port = htons(probe->port);
	inet_pton(AF_INET6, V2M_LAB_HERE6, &address->ipv6.sin6_addr);
	return sizeof(address->ipv6);
}

static int set_options(int fd, int type)
{
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)))
		return -errno;
	if (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		return -errno;
	return 0;
}

static int error_of(int number)
{
	return number == EAGAIN || number == EINPROGRESS ? -ETIMEDOUT : -number;
}

/* Sends size bytes from one socket and takes them from the other one. */
static int pass(int from, int to, size_t size)
{
	static const char zeros[1400];
	char taken[sizeof(zeros)];
	size_t got = 0;

	if (send(from, zeros, size, MSG_NOSIGNAL) != (ssize_t)size)
		return error_of(errno);
	while (got < size) {
		ssize_t received = recv(to, taken, sizeof(taken), 0);

		if (received <= 0)
			return received ? error_of(errno) : -ECONNRESET;
		got += (size_t)received;
	}
	return 0;
}

static int pass_all(int client, int server)
{
	int result = 0;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < V2M_ARRAY_LEN(sizes) && !result; i++) {
			result = pass(client, server, sizes[i]);
			if (!result)
				result = pass(server, client, sizes[i]);
		}
	return result;
}

/* The server's socket is connected to the client's, so that both sides use send() and recv(). */
static int connect_back(int client, int server)
{
	union address address = { 0 };
	socklen_t length = sizeof(address);

	if (getsockname(client, &address.any, &length) || connect(server, &address.any, length))
		return -errno;
	return 0;
}

static int accept_client(int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	int result;

	if (fd < 0)
		return error_of(errno);
	result = set_options(fd, SOCK_STREAM);
	if (!result)
		return fd;
	close(fd);
	return result;
}

static int run_stream(int client, int listening)
{
	V2M_CLOSE int server = accept_client(listening);

	return server < 0 ? server : pass_all(client, server);
}

static int run_datagrams(int client, int server)
{
	int result = connect_back(client, server);

	return result ? result : pass_all(client, server);
}

int v2m_probe_run(const struct v2m_lab *lab, const struct v2m_probe *probe)
{
	V2M_CLOSE int server = v2m_lab_socket(lab, lab->here, probe->family, probe->type, 0);
	V2M_CLOSE int client = v2m_lab_socket(lab, lab->there, probe->family, probe->type, 0);
	union address address;
	socklen_t length = make_address(probe, &address);
	int result;

	if (server < 0 || client < 0)
		return server < 0 ? server : client;
	result = set_options(server, probe->type);
	if (!result)
		result = set_options(client, probe->type);
	if (!result && bind(server, &address.any, length))
		result = -errno;
	if (!result && probe->type == SOCK_STREAM && listen(server, 1))
		result = -errno;
	if (!result && connect(client, &address.any, length))
		result = error_of(errno);
	if (result)
		return result;
	return probe->type == SOCK_STREAM ? run_stream(client, server)
					  : run_datagrams(client, server);
}
