// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sends small packets for many ports and prints their cost to the sender. The stack, the firewall
 * and the hooks run on the sender's processor time.
 *
 * send udp|tcp out|in SOURCE DESTINATION FIRST_PORT PORTS BATCH: for every number on standard
 * input, sends so many packets and prints the ns of processor time and the ns that passed, for one
 * packet. out: the ports are those of the source, in: those of the destination. BATCH is the number
 * of packets that one system call sends, all of one port.
 *
 * UDP has a socket for each port. TCP segments come from one raw socket: no connection stands
 * behind them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define PAYLOAD    32
#define OTHER_PORT 9
#define MOST_PORTS 4096
#define MOST_BATCH 512

struct sender {
	bool tcp;
	bool out;
	const char *source;
	const char *destination;
	unsigned first;
	unsigned count;
	unsigned batch;
	int sockets[MOST_PORTS]; /* by port; for TCP all the same one */
};

static uint16_t local_port(const struct sender *sender, unsigned number)
{
	return (uint16_t)(sender->out ? sender->first + number : 0);
}

static uint16_t remote_port(const struct sender *sender, unsigned number)
{
	return (uint16_t)(sender->out ? OTHER_PORT : sender->first + number);
}

/* A raw socket has no ports. */
static int open_socket(const struct sender *sender, unsigned number)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, (sender->tcp ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
			sender->tcp ? IPPROTO_TCP : 0);

	if (fd < 0)
		return -errno;
	if (!sender->tcp) {
		from.sin_port = htons(local_port(sender, number));
		to.sin_port = htons(remote_port(sender, number));
	}
	if (inet_pton(AF_INET, sender->source, &from.sin_addr) != 1 ||
	    inet_pton(AF_INET, sender->destination, &to.sin_addr) != 1)
		return -EINVAL;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return fd;
}

static int open_sockets(struct sender *sender)
{
	for (unsigned i = 0; i < sender->count; i++) {
		sender->sockets[i] = sender->tcp && i ? sender->sockets[0] : open_socket(sender, i);
		if (sender->sockets[i] < 0)
			return sender->sockets[i];
	}
	return 0;
}

static double ns_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Goes round the ports, as the packets of many clients would. */
static int send_all(const struct sender *sender, unsigned long packets)
{
	static struct {
		struct tcphdr tcp;
		char payload[PAYLOAD];
	} segment = { .tcp = { .doff = 5, .ack = 1, .window = 1 } };
	struct iovec data = { &segment, sizeof(segment) };
	struct mmsghdr batch[MOST_BATCH] = {};
	unsigned at = 0;

	if (!sender->tcp)
		data = (struct iovec){ segment.payload, PAYLOAD };
	for (unsigned i = 0; i < sender->batch; i++)
		batch[i].msg_hdr = (struct msghdr){ .msg_iov = &data, .msg_iovlen = 1 };
	while (packets) {
		unsigned wanted = packets < sender->batch ? (unsigned)packets : sender->batch;
		int sent;

		segment.tcp.source = htons(local_port(sender, at));
		segment.tcp.dest = htons(remote_port(sender, at));
		sent = sendmmsg(sender->sockets[at], batch, wanted, 0);
		if (sent < 0)
			return -errno;
		packets -= (unsigned)sent;
		at = at + 1 < sender->count ? at + 1 : 0;
	}
	return 0;
}

static int serve(const struct sender *sender)
{
	char line[32];

	printf("ready\n");
	while (!fflush(stdout) && fgets(line, sizeof(line), stdin)) {
		unsigned long packets = strtoul(line, NULL, 10);
		double cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
		double passed = ns_of(CLOCK_MONOTONIC);
		int result = packets ? send_all(sender, packets) : -EINVAL;

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
	static struct sender sender;
	const struct rlimit files = { MOST_PORTS + 100, MOST_PORTS + 100 };
	int result;

	if (argc == 8) {
		sender.tcp = strcmp(argv[1], "tcp") == 0;
		sender.out = strcmp(argv[2], "out") == 0;
		sender.source = argv[3];
		sender.destination = argv[4];
		sender.first = (unsigned)strtoul(argv[5], NULL, 10);
		sender.count = (unsigned)strtoul(argv[6], NULL, 10);
		sender.batch = (unsigned)strtoul(argv[7], NULL, 10);
	}
	if (!sender.first || !sender.count || sender.count > MOST_PORTS || !sender.batch ||
	    sender.batch > MOST_BATCH || setrlimit(RLIMIT_NOFILE, &files)) {
		fprintf(stderr,
			"usage: %s udp|tcp out|in SOURCE DESTINATION FIRST_PORT PORTS BATCH\n",
			argv[0]);
		return 2;
	}
	result = open_sockets(&sender);
	if (result) {
		fprintf(stderr, "a socket: %s\n", strerror(-result));
		return 1;
	}
	return serve(&sender);
}
