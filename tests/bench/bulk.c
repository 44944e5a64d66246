// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Bulk TCP from a server in one network namespace to a client in another, both ends of all streams
 * in one thread: what the stack, the hooks and the device do for them runs on its time, and no
 * scheduler decides how fast it is.
 *
 * bulk SERVER_NAMESPACE CLIENT_NAMESPACE ADDRESS PORT STREAMS: for every number on standard input,
 * carries so many bytes and prints the ns of processor time and the ns that passed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_STREAMS 256
#define CHUNK        65536
#define WAIT_MS      1000

struct streams {
	unsigned count;
	int server[MOST_STREAMS];
	int client[MOST_STREAMS];
};

static int enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return result;
}

static int listen_on(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(*address)) ||
	    listen(fd, MOST_STREAMS))
		return -errno;
	return fd;
}

static int open_streams(struct streams *streams, char **words)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(words[4], NULL, 10)) };
	int result = enter(words[1]);
	int listener;

	if (result || inet_pton(AF_INET, words[3], &address.sin_addr) != 1)
		return result ? result : -EINVAL;
	listener = listen_on(&address);
	if (listener < 0)
		return listener;
	result = enter(words[2]);
	for (unsigned i = 0; i < streams->count && !result; i++) {
		streams->client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (streams->client[i] < 0 ||
		    connect(streams->client[i], (struct sockaddr *)&address, sizeof(address)))
			return -errno;
		streams->server[i] = accept(listener, NULL, NULL);
		if (streams->server[i] < 0)
			return -errno;
	}
	return result;
}

static double ns_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Hands over what a stream takes now and takes what has come out of it. Both may be 0. */
static int move(const struct streams *streams, unsigned i, uint64_t *unsent, uint64_t *received)
{
	static char buffer[CHUNK];
	ssize_t done = 0;

	if (*unsent)
		done = send(streams->server[i], buffer, *unsent < CHUNK ? *unsent : CHUNK,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done < 0 && errno != EAGAIN)
		return -errno;
	*unsent -= done > 0 ? (uint64_t)done : 0;
	while ((done = recv(streams->client[i], buffer, CHUNK, MSG_DONTWAIT)) > 0)
		*received += (uint64_t)done;
	return done == 0 ? -EPIPE : errno == EAGAIN ? 0 : -errno;
}

/* Nothing moves until the kernel's timers say so. */
static int wait_for_any(const struct streams *streams)
{
	struct pollfd polled[MOST_STREAMS];

	for (unsigned i = 0; i < streams->count; i++)
		polled[i] = (struct pollfd){ .fd = streams->client[i], .events = POLLIN };
	return poll(polled, streams->count, WAIT_MS) > 0 ? 0 : -ETIMEDOUT;
}

static int carry(const struct streams *streams, uint64_t bytes)
{
	uint64_t unsent = bytes;
	uint64_t received = 0;

	while (received < bytes) {
		uint64_t before = unsent + bytes - received;
		int result = 0;

		for (unsigned i = 0; i < streams->count && !result; i++)
			result = move(streams, i, &unsent, &received);
		if (!result && unsent + bytes - received == before)
			result = wait_for_any(streams);
		if (result)
			return result;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct streams streams;
	char line[32];
	int result;

	streams.count = argc == 6 ? (unsigned)strtoul(argv[5], NULL, 10) : 0;
	if (!streams.count || streams.count > MOST_STREAMS) {
		fprintf(stderr,
			"usage: %s SERVER_NAMESPACE CLIENT_NAMESPACE ADDRESS PORT STREAMS\n",
			argv[0]);
		return 2;
	}
	result = open_streams(&streams, argv);
	if (!result)
		printf("ready\n");
	while (!result && !fflush(stdout) && fgets(line, sizeof(line), stdin)) {
		double cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
		double passed = ns_of(CLOCK_MONOTONIC);

		result = carry(&streams, strtoull(line, NULL, 10));
		printf("%.0f %.0f\n", ns_of(CLOCK_THREAD_CPUTIME_ID) - cpu,
		       ns_of(CLOCK_MONOTONIC) - passed);
	}
	if (result)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-result));
	return result ? 1 : 0;
}
