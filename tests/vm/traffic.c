/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes an exact amount of traffic, or counts it exactly, in the virtual machines:
 *
 *   traffic serve PORT                            answers on TCP and UDP until it is killed
 *   traffic tcp HOST PORT UP DOWN [HOLD]          one connection: UP bytes there, DOWN bytes back;
 *                                                 HOLD: stays open until standard input ends
 *   traffic udp HOST PORT COUNT SIZE GSO REPLIES REPLY_SIZE
 *                                                 COUNT datagrams, by UDP_SEGMENT if GSO is 1, each
 *                                                 answered by REPLIES of REPLY_SIZE
 *   traffic sendto HOST PORT SIZE                 a datagram ten times a second until it is killed,
 *                                                 from a socket without a peer
 *   traffic capture DEVICE PORT                   counts frames until SIGTERM, then prints JSON
 *   traffic frames DEVICE FILE                    sends the frames in the file
 *
 * With MPTCP in the environment, serve and tcp use it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define CHUNK           65536
#define UDP_MAX_PAYLOAD 65000
/* UDP_MAX_SEGMENTS in the oldest kernel. */
#define UDP_MAX_SEGS 64
/* How long a client waits for the next reply. */
#define REPLY_WAIT_MS 3000
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct tcp_request {
	uint64_t up;
	uint64_t down;
};

struct udp_request {
	uint32_t replies;
	uint32_t reply_size;
	uint32_t gso;
};

static uint8_t buffer[CHUNK];

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static bool send_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, (const uint8_t *)data + done, size - done, MSG_NOSIGNAL);
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool send_bytes(int fd, uint64_t count)
{
	while (count > 0) {
		size_t part = count < CHUNK ? (size_t)count : CHUNK;
		if (!send_all(fd, buffer, part))
			return false;
		count -= part;
	}
	return true;
}

static bool receive_bytes(int fd, uint64_t count)
{
	while (count > 0) {
		ssize_t n = recv(fd, buffer, count < CHUNK ? (size_t)count : CHUNK, 0);
		if (n <= 0)
			return false;
		count -= (uint64_t)n;
	}
	return true;
}

static int answer_tcp(int fd)
{
	struct tcp_request request;
	if (recv(fd, &request, sizeof(request), MSG_WAITALL) != sizeof(request))
		return 1;
	if (request.up < sizeof(request) || !receive_bytes(fd, request.up - sizeof(request)))
		return 1;
	if (!send_bytes(fd, request.down))
		return 1;
	/* The client closes first, after it has received everything. */
	return recv(fd, buffer, 1, 0) == 0 ? 0 : 1;
}

/* Sends count datagrams of size bytes, in as few calls as UDP_SEGMENT allows. */
static bool send_datagrams(int fd, const struct sockaddr *to, socklen_t to_len, uint32_t count,
			   uint32_t size, bool gso)
{
	uint32_t batch = 1;
	if (gso) {
		batch = UDP_MAX_PAYLOAD / size;
		if (batch > UDP_MAX_SEGS)
			batch = UDP_MAX_SEGS;
	}
	int segment = gso ? (int)size : 0;
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) < 0 && gso)
		return false;
	while (count > 0) {
		uint32_t now = count < batch ? count : batch;
		size_t length = (size_t)now * size;
		if (sendto(fd, buffer, length, 0, to, to_len) != (ssize_t)length)
			return false;
		count -= now;
	}
	return true;
}

static void answer_udp(int fd)
{
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	struct udp_request request;
	ssize_t n = recvfrom(fd, buffer, CHUNK, 0, (struct sockaddr *)&from, &from_len);
	if (n < (ssize_t)sizeof(request))
		return;
	memcpy(&request, buffer, sizeof(request));
	if (request.replies > 0 && request.reply_size > 0 && request.reply_size <= UDP_MAX_PAYLOAD)
		send_datagrams(fd, (struct sockaddr *)&from, from_len, request.replies,
			       request.reply_size, request.gso != 0);
}

void traffic_grow_buffers(int fd)
{
	int size = 64 << 20;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

static int protocol_of(int type)
{
	return type == SOCK_STREAM && getenv("MPTCP") ? IPPROTO_MPTCP : 0;
}

static int bound_socket(int type, uint16_t port)
{
	int off = 0;
	int on = 1;
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, type, protocol_of(type));
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_DGRAM)
		traffic_grow_buffers(fd);
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -1;
	return fd;
}

static int serve(uint16_t port)
{
	int tcp = bound_socket(SOCK_STREAM, port);
	int udp = bound_socket(SOCK_DGRAM, port);
	if (tcp < 0 || udp < 0 || listen(tcp, 1024) < 0)
		return fail("serve");
	signal(SIGCHLD, SIG_IGN);
	puts("READY");
	fflush(stdout);
	struct pollfd waits[] = { { .fd = tcp, .events = POLLIN },
				  { .fd = udp, .events = POLLIN } };
	for (;;) {
		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			return fail("poll");
		if (waits[1].revents)
			answer_udp(udp);
		if (!waits[0].revents)
			continue;
		int client = accept(tcp, NULL, NULL);
		if (client >= 0 && fork() == 0)
			_exit(answer_tcp(client));
		close(client);
	}
}

static int connected_socket(const char *host, const char *port, int type)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = v4.sin_port };
	bool is_v4 = inet_pton(AF_INET, host, &v4.sin_addr) == 1;
	if (!is_v4 && inet_pton(AF_INET6, host, &v6.sin6_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	int fd = socket(is_v4 ? AF_INET : AF_INET6, type, protocol_of(type));
	if (fd < 0)
		return -1;
	if (type == SOCK_DGRAM)
		traffic_grow_buffers(fd);
	if ((is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		   : connect(fd, (struct sockaddr *)&v6, sizeof(v6))) == 0)
		return fd;
	close(fd);
	return -1;
}

static int tcp_client(char **argv, bool hold)
{
	struct tcp_request request = { strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10) };
	int fd = connected_socket(argv[0], argv[1], SOCK_STREAM);
	if (fd < 0)
		return fail("connect");
	if (request.up < sizeof(request))
		request.up = sizeof(request);
	if (!send_all(fd, &request, sizeof(request)) ||
	    !send_bytes(fd, request.up - sizeof(request)) || !receive_bytes(fd, request.down))
		return fail("transfer");
	if (hold) {
		puts("HOLDING");
		fflush(stdout);
		while (read(STDIN_FILENO, buffer, CHUNK) > 0)
			;
	}
	shutdown(fd, SHUT_WR);
	if (recv(fd, buffer, 1, 0) != 0)
		return fail("close");
	printf("{\"up\": %" PRIu64 ", \"down\": %" PRIu64 "}\n", request.up, request.down);
	return 0;
}

static int udp_client(char **argv)
{
	uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
	uint32_t size = (uint32_t)strtoul(argv[3], NULL, 10);
	bool gso = argv[4][0] == '1';
	struct udp_request request = { (uint32_t)strtoul(argv[5], NULL, 10),
				       (uint32_t)strtoul(argv[6], NULL, 10), gso };
	int fd = connected_socket(argv[0], argv[1], SOCK_DGRAM);
	if (fd < 0)
		return fail("connect");
	if (size < sizeof(request) || size > UDP_MAX_PAYLOAD) {
		fprintf(stderr, "a size from %zu to %d\n", sizeof(request), UDP_MAX_PAYLOAD);
		return 2;
	}
	for (size_t at = 0; at + sizeof(request) <= CHUNK; at += size)
		memcpy(buffer + at, &request, sizeof(request));
	if (!send_datagrams(fd, NULL, 0, count, size, gso))
		return fail("send");
	uint64_t replies = 0;
	uint64_t bytes = 0;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	while (replies < (uint64_t)count * request.replies && poll(&wait, 1, REPLY_WAIT_MS) > 0) {
		ssize_t n = recv(fd, buffer, CHUNK, 0);
		if (n < 0)
			return fail("reply");
		replies++;
		bytes += (uint64_t)n;
	}
	printf("{\"replies\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n", replies, bytes);
	return 0;
}

static int send_forever(char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)) };
	size_t size = strtoul(argv[2], NULL, 10);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || size > CHUNK || inet_pton(AF_INET, argv[0], &to.sin_addr) != 1)
		return fail("sendto");
	puts("READY");
	fflush(stdout);
	for (;;) {
		sendto(fd, buffer, size, 0, (struct sockaddr *)&to, sizeof(to));
		usleep(100000);
	}
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (strcmp(verb, "serve") == 0 && argc == 3)
		return serve((uint16_t)strtoul(argv[2], NULL, 10));
	if (strcmp(verb, "tcp") == 0 && (argc == 6 || argc == 7))
		return tcp_client(argv + 2, argc == 7);
	if (strcmp(verb, "udp") == 0 && argc == 9)
		return udp_client(argv + 2);
	if (strcmp(verb, "sendto") == 0 && argc == 5)
		return send_forever(argv + 2);
	if (strcmp(verb, "capture") == 0 && argc == 4)
		return capture_run(argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
	if (strcmp(verb, "frames") == 0 && argc == 4)
		return frames_run(argv[2], argv[3]);
	fprintf(stderr, "usage: see the head of traffic.c\n");
	return 2;
}
