// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sends small UDP packets from many ports, and says what they cost the sender: the way out through
 * the stack, the firewall and the hook, all of which runs on its time.
 *
 * send SOURCE DESTINATION FIRST_PORT PORTS: for every number on standard input, sends so many
 * packets and prints the ns of processor time and the ns that passed, for one packet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH   8
#define PAYLOAD 32

static int open_port(const char *source, const char *destination, unsigned port)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, source, &from.sin_addr) != 1 ||
	    inet_pton(AF_INET, destination, &to.sin_addr) != 1)
		return -EINVAL;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return fd;
}

static double ns_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Goes round the ports, as the packets of many clients would. */
static int send_all(const int *ports, unsigned n_ports, unsigned long packets)
{
	static char payload[PAYLOAD];
	struct iovec data = { payload, sizeof(payload) };
	struct mmsghdr batch[BATCH] = {};
	unsigned at = 0;

	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){ .msg_iov = &data, .msg_iovlen = 1 };
	while (packets) {
		unsigned wanted = packets < BATCH ? (unsigned)packets : BATCH;
		int sent = sendmmsg(ports[at], batch, wanted, 0);

		if (sent < 0)
			return -errno;
		packets -= (unsigned)sent;
		at = at + 1 < n_ports ? at + 1 : 0;
	}
	return 0;
}

static int serve(const int *ports, unsigned n_ports)
{
	char line[32];

	printf("ready\n");
	while (!fflush(stdout) && fgets(line, sizeof(line), stdin)) {
		unsigned long packets = strtoul(line, NULL, 10);
		double cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
		double passed = ns_of(CLOCK_MONOTONIC);
		int result = packets ? send_all(ports, n_ports, packets) : -EINVAL;

		cpu = ns_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
		passed = ns_of(CLOCK_MONOTONIC) - passed;
		if (result) {
			fprintf(stderr, "sending: %s\n", strerror(-result));
			return 1;
		}
		printf("%.2f %.2f\n", cpu / (double)packets, passed / (double)packets);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct rlimit files = { 4200, 4200 };
	unsigned first = argc == 5 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	unsigned count = argc == 5 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
	int *ports = calloc(count + 1, sizeof(*ports));
	int result;

	if (!first || !count || count > 4096 || !ports || setrlimit(RLIMIT_NOFILE, &files)) {
		fprintf(stderr, "usage: %s SOURCE DESTINATION FIRST_PORT PORTS\n", argv[0]);
		free(ports);
		return 2;
	}
	for (unsigned i = 0; i < count; i++) {
		ports[i] = open_port(argv[1], argv[2], first + i);
		if (ports[i] < 0) {
			fprintf(stderr, "port %u: %s\n", first + i, strerror(-ports[i]));
			free(ports);
			return 1;
		}
	}
	result = serve(ports, count);
	free(ports);
	return result;
}
