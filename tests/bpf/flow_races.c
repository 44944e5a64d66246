// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two CPUs count packets of the same new flows. No packet may be missing at the flow's owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define OWNER 1

#define SYN 0x02
#define ACK 0x10

#define SERVER_SEQ 7000u
#define SOURCE_AT  26 /* offset of the source address in an IPv4 frame */
#define PORTS_AT   (14 + 20)
#define SEQ_AT     (PORTS_AT + 4)
#define ACK_AT     (PORTS_AT + 8)
#define FLAGS_AT   (PORTS_AT + 13)

/* Flows whose labels are ended together: fewer than young_flows has room for. */
#define BATCH 1000u

/* What the second CPU does. */
struct second {
	struct run *run;
	uint8_t protocol;
	_Atomic uint32_t client; /* it sends for this one */
	atomic_bool pauses;      /* the first CPU wants it to pause */
	atomic_bool is_paused;
	atomic_bool ends;
};

static void put_be32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t address(uint32_t client)
{
	return 0xc6120000u + client; /* 198.18.0.0/15 */
}

static struct v2m_flow_key key_of(uint32_t client, uint8_t protocol)
{
	struct v2m_flow_key key = {
		.remote = { [10] = 0xff, [11] = 0xff },
		.port = SHARED_PORT,
		.remote_port = CLIENT,
		.protocol = protocol,
	};

	put_be32(key.remote + 12, address(client));
	return key;
}

/* A segment that arrives from a client, or leaves for it. */
static void segment(struct run *run, uint32_t client, bool egress, uint8_t flags, uint32_t ack)
{
	struct frame frame = egress ? tcp4(SHARED_PORT, CLIENT, 10) : tcp4(CLIENT, SHARED_PORT, 10);

	put_be32(frame.data + SOURCE_AT, egress ? 0x0a000001u : address(client));
	put_be32(frame.data + SOURCE_AT + 4, egress ? address(client) : 0x0a000001u);
	put_be32(frame.data + SEQ_AT, egress ? SERVER_SEQ : 100);
	put_be32(frame.data + ACK_AT, ack);
	frame.data[FLAGS_AT] = flags;
	run_packet(run, egress, frame.data, frame.length, 0, 0);
}

static void datagram(struct run *run, uint32_t client, bool egress)
{
	struct frame frame =
		egress ? udp(false, SHARED_PORT, CLIENT, 10) : udp(false, CLIENT, SHARED_PORT, 10);

	put_be32(frame.data + SOURCE_AT, egress ? 0x0a000001u : address(client));
	put_be32(frame.data + SOURCE_AT + 4, egress ? address(client) : 0x0a000001u);
	run_packet(run, egress, frame.data, frame.length, 0, 0);
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *send_from_the_second_cpu(void *context)
{
	struct second *second = context;

	stay_on(1);
	while (!atomic_load(&second->ends)) {
		bool pauses = atomic_load(&second->pauses);

		atomic_store(&second->is_paused, pauses);
		if (pauses)
			sched_yield();
		else if (second->protocol == TCP)
			segment(second->run, atomic_load(&second->client), false, ACK,
				SERVER_SEQ + 1);
		else
			datagram(second->run, atomic_load(&second->client), false);
	}
	return NULL;
}

static void set_pause(struct second *second, bool pauses)
{
	atomic_store(&second->pauses, pauses);
	while (atomic_load(&second->is_paused) != pauses)
		sched_yield();
}

static bool label(struct second *second, uint32_t client, enum v2m_label_step step)
{
	struct v2m_flow_key key = key_of(client, second->protocol);

	return run_label(second->run, &key, OWNER, step) == V2M_LABEL_DONE;
}

/* Ends a batch of clients, while nobody sends. False: a flow is not there. */
static bool end_batch(struct second *second, uint32_t last)
{
	bool done = true;

	set_pause(second, true);
	for (uint32_t client = last + 1 - BATCH; client <= last; client++)
		done = done && label(second, client, V2M_LABEL_SET) &&
		       label(second, client, V2M_LABEL_MOVE_LAST);
	return done;
}

static bool open_connection(struct second *second, uint32_t client)
{
	segment(second->run, client, false, SYN, 0);
	segment(second->run, client, true, SYN | ACK, 101);
	segment(second->run, client, false, ACK, SERVER_SEQ + 1);
	segment(second->run, client, true, ACK, 101);
	return true;
}

static bool label_at_once(struct second *second, uint32_t client)
{
	datagram(second->run, client, true);
	return label(second, client, V2M_LABEL_SET) && label(second, client, V2M_LABEL_MOVE);
}

static uint32_t wanted_flows(void)
{
	const char *wanted = getenv("V2M_RACES");
	uint32_t flows = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 2000;

	return (flows + BATCH - 1) / BATCH * BATCH;
}

/* Has both CPUs count for the same new flows. Afterwards the owner has what the port has. */
static void race(struct run *run, uint8_t protocol, bool (*begin)(struct second *, uint32_t))
{
	struct second second = { .run = run, .protocol = protocol };
	const uint32_t flows = wanted_flows();
	struct v2m_port_sample port;
	struct v2m_flow rx;
	struct v2m_flow tx;
	bool done = true;
	pthread_t thread;

	stay_on(0);
	assert_int_equal(pthread_create(&thread, NULL, send_from_the_second_cpu, &second), 0);
	for (uint32_t client = 0; client < flows && done; client++) {
		atomic_store(&second.client, client);
		set_pause(&second, false);
		done = begin(&second, client) &&
		       (client % BATCH != BATCH - 1 || end_batch(&second, client));
	}
	atomic_store(&second.ends, true);
	pthread_join(thread, NULL);
	assert_true(done);
	port = run_port(run, SHARED_SLOT);
	rx = run_owner(run, OWNER, false);
	tx = run_owner(run, OWNER, true);
	print_message("%llu packets of the owner, %llu of the port\n", rx.packets + tx.packets,
		      port.tcp_rx.packets + port.tcp_tx.packets + port.udp_rx.packets +
			      port.udp_tx.packets);
	assert_memory_equal(&rx, protocol == TCP ? &port.tcp_rx : &port.udp_rx, sizeof(rx));
	assert_memory_equal(&tx, protocol == TCP ? &port.tcp_tx : &port.udp_tx, sizeof(tx));
}

static void no_packet_is_lost_while_another_cpu_completes_the_handshake(void **state)
{
	race(*state, TCP, open_connection);
}

static void no_datagram_is_lost_while_another_cpu_labels_the_flow(void **state)
{
	race(*state, UDP, label_at_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(no_packet_is_lost_while_another_cpu_completes_the_handshake),
		PACKET_TEST(no_datagram_is_lost_while_another_cpu_labels_the_flow),
	};

	return RUN_PACKET_TESTS(tests);
}
