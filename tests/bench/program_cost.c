// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Measures the cost of a packet in the kernel programs: every kind of packet through every program,
 * in rounds, so that other work on the machine affects all of them equally.
 *
 * program_cost ROUNDS REPEAT VARIANTS.bpf.o TRAFFIC.bpf.o [OTHER.bpf.o...]
 *
 * One line for each kind of packet and program: kind, program, ports, and the median of the rounds
 * in ns over the empty program in the same round, then the quartiles. Further objects are other
 * builds of ours. The program "shared" is TRAFFIC.bpf.o with one port of several keys, and has
 * flows instead of ports.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/frame.h"
#include "subject.h"

#define TCP         6
#define UDP         17
#define UNMONITORED 443
#define PAYLOAD     512
#define MOST        24
#define MOST_ROUNDS 1001
#define MORE        0x2000
#define N_KINDS     (sizeof(kinds) / sizeof(kinds[0]))
#define SKIPPED     77

struct contestant {
	const char *name;
	enum kind kind;
	unsigned count; /* of ports, or of flows */
	struct subject *subject;
};

static struct contestant contestants[MOST]; /* the first is the empty program */
static size_t n_contestants;

static void finish(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	if (protocol == TCP)
		frame_tcp(frame, from, to, 8);
	else
		frame_udp(frame, from, to);
	frame_zeros(frame, PAYLOAD);
	frame_finish(frame);
}

static void ipv4(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	frame_ethernet(frame, 0x0800);
	frame_ipv4(frame, protocol, 0, 1, 2);
	finish(frame, protocol, from, to);
}

static void ipv6(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	frame_ethernet(frame, 0x86dd);
	frame_ipv6(frame, protocol, 1, 2);
	finish(frame, protocol, from, to);
}

static void tagged(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	frame_ethernet(frame, 0x8100);
	frame_tag(frame, 0x0800);
	frame_ipv4(frame, protocol, 0, 1, 2);
	finish(frame, protocol, from, to);
}

static void first_fragment(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	ipv4(frame, protocol, from, to);
	frame_ipv4_fragment(frame, 1, MORE);
}

static void later_fragment(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	ipv4(frame, protocol, from, to);
	frame_ipv4_fragment(frame, 1, 100);
}

static void arp(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to)
{
	(void)protocol;
	(void)from;
	(void)to;
	frame_ethernet(frame, 0x0806);
	frame_zeros(frame, 46);
}

static const struct {
	const char *name;
	void (*make)(struct frame *frame, uint8_t protocol, uint16_t from, uint16_t to);
	uint8_t protocol;
	uint16_t from;
	uint16_t to;
	bool egress;
	bool flow; /* a shared port has its flow */
} kinds[] = {
	{ "TCP/IPv4, monitored, in", ipv4, TCP, CLIENT, FIRST_PORT, false, true },
	{ "TCP/IPv4, monitored, out", ipv4, TCP, FIRST_PORT, CLIENT, true, true },
	{ "TCP/IPv4, unmonitored, in", ipv4, TCP, CLIENT, UNMONITORED, false, false },
	{ "TCP/IPv4, unmonitored, out", ipv4, TCP, UNMONITORED, CLIENT, true, false },
	{ "UDP/IPv4, monitored, in", ipv4, UDP, CLIENT, FIRST_PORT, false, true },
	{ "UDP/IPv4, monitored, out", ipv4, UDP, FIRST_PORT, CLIENT, true, true },
	{ "UDP/IPv4, unmonitored", ipv4, UDP, CLIENT, UNMONITORED, false, false },
	{ "TCP/IPv6, monitored", ipv6, TCP, CLIENT, FIRST_PORT, false, false },
	{ "TCP/IPv6, unmonitored", ipv6, TCP, CLIENT, UNMONITORED, false, false },
	{ "UDP/IPv6, monitored", ipv6, UDP, CLIENT, FIRST_PORT, false, false },
	{ "VLAN tag in band, TCP/IPv4, monitored", tagged, TCP, CLIENT, FIRST_PORT, false, false },
	{ "first fragment, UDP/IPv4", first_fragment, UDP, CLIENT, FIRST_PORT, false, false },
	{ "later fragment, UDP/IPv4", later_fragment, UDP, CLIENT, FIRST_PORT, false, false },
	{ "ARP", arp, 0, 0, 0, false, false },
};

static double times[N_KINDS][MOST][MOST_ROUNDS];

static int enter(const char *name, enum kind kind, const char *object, unsigned count)
{
	struct contestant *contestant = &contestants[n_contestants];
	int result;

	if (n_contestants == MOST)
		return -E2BIG;
	contestant->name = name;
	contestant->kind = kind;
	contestant->count = count;
	result = subject_open(kind, object, count, &contestant->subject);
	if (result)
		fprintf(stderr, "cannot load %s: %s\n", object, strerror(-result));
	else
		n_contestants++;
	return result;
}

static int enter_all(char **objects, int count)
{
	static const unsigned ports[] = { 1, 100, 4096 };
	static const unsigned flows[] = { 1, 1000, 50000 };
	int result = enter("empty", EMPTY, objects[0], 0);

	for (int object = 1; object < count && result == 0; object++)
		for (int i = 0; i < 3 && result == 0; i++)
			result = enter(objects[object], OURS, objects[object], ports[i]);
	for (int i = 0; i < 3 && result == 0; i++)
		result = enter("shared", SHARED, objects[1], flows[i]);
	for (int i = 0; i < 3 && result == 0; i++)
		result = enter("hash", HASH, objects[0], ports[i]);
	return result;
}

/* As subject_time(), and fails if the packets of a labelled flow do not all count for its owner. */
static double time_one(const struct contestant *contestant, size_t kind, const struct frame *frame,
		       unsigned repeat)
{
	bool owned = contestant->kind == SHARED && kinds[kind].flow;
	int64_t before = owned ? subject_owned(contestant->subject) : 0;
	double ns = subject_time(contestant->subject, kinds[kind].egress, frame->data,
				 frame->length, repeat);

	if (ns >= 0 && owned && subject_owned(contestant->subject) != before + repeat) {
		fprintf(stderr, "%s, %u flows: the owner does not have every packet\n",
			kinds[kind].name, contestant->count);
		return -EPROTO;
	}
	return ns;
}

/* Every other round goes through the programs the other way round. */
static int run_round(size_t kind, unsigned round, unsigned repeat)
{
	struct frame frame = {};

	kinds[kind].make(&frame, kinds[kind].protocol, kinds[kind].from, kinds[kind].to);
	for (size_t i = 0; i < n_contestants; i++) {
		size_t at = round % 2 ? n_contestants - 1 - i : i;
		double ns = time_one(&contestants[at], kind, &frame, repeat);

		if (ns < 0)
			return (int)ns;
		times[kind][at][round] = ns;
	}
	return 0;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

static void report(unsigned rounds)
{
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < n_contestants; i++) {
			/* The empty program last: its own figures are its absolute ones. */
			size_t at = n_contestants - 1 - i;
			double *ns = times[kind][at];

			for (unsigned round = 0; at && round < rounds; round++)
				ns[round] -= times[kind][0][round];
			qsort(ns, rounds, sizeof(*ns), compare);
			printf("%s\t%s\t%u\t%.2f\t%.2f\t%.2f\n", kinds[kind].name,
			       contestants[at].name, contestants[at].count, ns[rounds / 2],
			       ns[rounds / 4], ns[rounds * 3 / 4]);
		}
	}
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned repeat = argc > 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	int result;

	if (!rounds || rounds > MOST_ROUNDS || !repeat) {
		fprintf(stderr, "usage: %s ROUNDS REPEAT VARIANTS.bpf.o TRAFFIC.bpf.o...\n",
			argv[0]);
		return 2;
	}
	libbpf_set_print(quiet);
	result = enter_all(argv + 3, argc - 3);
	/* One round more, to warm up, is overwritten by the first one that counts. */
	for (size_t kind = 0; kind < N_KINDS && result == 0; kind++)
		result = run_round(kind, 0, repeat);
	for (unsigned round = 0; round < rounds && result == 0; round++)
		for (size_t kind = 0; kind < N_KINDS && result == 0; kind++)
			result = run_round(kind, round, repeat);
	if (result == 0)
		report(rounds);
	for (size_t i = 0; i < n_contestants; i++)
		subject_close(contestants[i].subject);
	return result == -EPERM ? SKIPPED : result ? 1 : 0;
}
