// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks the flows of a slot that several keys share, and their labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define ALICE 1
#define BOB   2

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define SERVER_SEQ 7000u
#define TCP_AT     (14 + 20) /* offset of the TCP header in an IPv4 frame */

/* The client is 10.0.0.2; frame_ipv4() goes from 10.0.0.1 to 10.0.0.2. */
static struct v2m_flow_key flow_key(uint8_t client, uint16_t client_port, uint8_t protocol)
{
	struct v2m_flow_key key = {
		.remote = { [10] = 0xff, [11] = 0xff, 10, 0, 0, client },
		.port = SHARED_PORT,
		.remote_port = client_port,
		.protocol = protocol,
	};

	return key;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A segment between the client 10.0.0.2 and the server 10.0.0.1. */
static void segment(struct run *run, bool egress, uint8_t flags, uint32_t seq, uint32_t ack,
		    size_t payload)
{
	struct frame frame =
		egress ? tcp4(SHARED_PORT, CLIENT, payload) : tcp4(CLIENT, SHARED_PORT, payload);

	if (!egress) {
		frame.data[26 + 3] = 2;
		frame.data[30 + 3] = 1;
	}
	put_be32(frame.data + TCP_AT + 4, seq);
	put_be32(frame.data + TCP_AT + 8, ack);
	frame.data[TCP_AT + 13] = flags;
	run_gso(run, egress, &frame, 0, 0);
}

static void handshake(struct run *run, uint32_t server_seq)
{
	segment(run, false, SYN, 100, 0, 0);
	segment(run, true, SYN | ACK, server_seq, 101, 0);
	segment(run, false, ACK, 101, server_seq + 1, 0);
}

static void datagram(struct run *run, bool egress, uint16_t client_port, size_t payload)
{
	struct frame frame = egress ? udp(false, SHARED_PORT, client_port, payload)
				    : udp(false, client_port, SHARED_PORT, payload);

	if (!egress) {
		frame.data[26 + 3] = 2;
		frame.data[30 + 3] = 1;
	}
	run_gso(run, egress, &frame, 0, 0);
}

static void label(struct run *run, const struct v2m_flow_key *key, uint32_t owner)
{
	assert_int_equal(run_label(run, key, owner, V2M_LABEL_SET), V2M_LABEL_DONE);
	assert_int_equal(run_label(run, key, owner, V2M_LABEL_MOVE), V2M_LABEL_DONE);
	assert_int_equal(run_label(run, key, owner, V2M_LABEL_MOVE_LAST), V2M_LABEL_DONE);
}

static void assert_owner(struct run *run, uint32_t owner, uint64_t rx_packets, uint64_t rx_payload,
			 uint64_t tx_packets, uint64_t tx_payload)
{
	struct v2m_flow rx = run_owner(run, owner, false);
	struct v2m_flow tx = run_owner(run, owner, true);

	assert_int_equal(rx.packets, rx_packets);
	assert_int_equal(rx.payload_bytes, rx_payload);
	assert_int_equal(tx.packets, tx_packets);
	assert_int_equal(tx.payload_bytes, tx_payload);
}

static void a_connection_belongs_to_its_owner_from_the_first_packet_on(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct v2m_port_sample port;
	struct v2m_flow rx;
	struct v2m_flow tx;

	handshake(*state, SERVER_SEQ);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 500);
	segment(*state, true, ACK, SERVER_SEQ + 1, 601, 1000);
	assert_owner(*state, ALICE, 0, 0, 0, 0);
	label(*state, &key, ALICE);
	assert_owner(*state, ALICE, 3, 500, 2, 1000);
	segment(*state, true, ACK, SERVER_SEQ + 1001, 601, 700);
	assert_owner(*state, ALICE, 3, 500, 3, 1700);
	/* Nobody else had packets, so the owner has what the slot has. */
	port = run_port(*state, SHARED_SLOT);
	rx = run_owner(*state, ALICE, false);
	tx = run_owner(*state, ALICE, true);
	assert_memory_equal(&port.tcp_rx, &rx, sizeof(rx));
	assert_memory_equal(&port.tcp_tx, &tx, sizeof(tx));
}

/* The programs of sockets add to a flow until it has an owner. */
static void a_label_moves_what_the_sockets_have_added(void **state)
{
	static const struct v2m_flow_sessions added = { 1, 1, 500, 7000 };
	static const struct v2m_flow_sessions none;
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct v2m_flow_sessions before = run_owner_sessions(*state, BOB);
	struct v2m_flow_sessions after;
	struct v2m_flow_state flow;

	handshake(*state, SERVER_SEQ);
	run_set_sessions(*state, &key, &added);
	assert_int_equal(run_label(*state, &key, V2M_NO_OWNER, V2M_LABEL_LEAVE), V2M_LABEL_DONE);
	assert_true(run_flow(*state, &key, false, &flow));
	assert_memory_equal(&flow.sessions, &none, sizeof(none));
	run_set_sessions(*state, &key, &added);
	label(*state, &key, BOB);
	label(*state, &key, BOB);
	after = run_owner_sessions(*state, BOB);
	assert_int_equal(after.opened - before.opened, 1);
	assert_int_equal(after.closed - before.closed, 1);
	assert_int_equal(after.rx_bytes - before.rx_bytes, 500);
	assert_int_equal(after.tx_bytes - before.tx_bytes, 7000);
	assert_true(run_flow(*state, &key, false, &flow));
	assert_memory_equal(&flow.sessions, &none, sizeof(none));
}

static void only_a_complete_handshake_makes_a_flow(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct v2m_flow_state flow;

	segment(*state, false, SYN, 100, 0, 0);
	segment(*state, true, SYN | ACK, SERVER_SEQ, 101, 0);
	/* A stranger does not know the number of the SYN-ACK. */
	segment(*state, false, ACK, 101, SERVER_SEQ, 100);
	segment(*state, false, ACK, 101, SERVER_SEQ + 2, 100);
	assert_int_equal(run_flows(*state, false), 0);
	assert_true(run_flow(*state, &key, true, &flow));
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 100);
	assert_true(run_flow(*state, &key, false, &flow));
	assert_int_equal(flow.rx.payload_bytes, 300);
	/* Only what another CPU may still add is in the young flow. */
	assert_true(run_flow(*state, &key, true, &flow));
	assert_int_equal(flow.left, 1);
	assert_int_equal(flow.rx.packets + flow.tx.packets, 0);
	label(*state, &key, ALICE);
	assert_int_equal(run_flows(*state, true), 0);
}

/* A connection that this host begins has the shared port's number, and is of none of its users. */
static void a_foreign_connection_makes_no_flow(void **state)
{
	uint64_t before = run_device(*state).ingress.foreign.packets;
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct v2m_flow_state flow;

	segment(*state, true, SYN, SERVER_SEQ, 0, 0);
	segment(*state, false, SYN | ACK, 100, SERVER_SEQ + 1, 0);
	segment(*state, true, ACK, SERVER_SEQ + 1, 101, 500);
	segment(*state, false, ACK, 101, SERVER_SEQ + 501, 700);
	assert_int_equal(run_flows(*state, true) + run_flows(*state, false), 0);
	assert_flow(run_port(*state, SHARED_SLOT).tcp_rx, 0, 0, 0);
	assert_flow(run_port(*state, SHARED_SLOT).tcp_tx, 0, 0, 0);
	/* The client begins one with the same ends. Only its SYN is taken for the other's. */
	handshake(*state, SERVER_SEQ);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 300);
	assert_true(run_flow(*state, &key, false, &flow));
	assert_int_equal(flow.rx.packets, 2);
	assert_int_equal(flow.rx.payload_bytes, 300);
	assert_int_equal(run_device(*state).ingress.foreign.packets - before, 3);
}

static void a_flood_of_syns_drops_no_flow(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct frame frame = tcp4(CLIENT, SHARED_PORT, 0);
	struct v2m_flow_state flow;

	handshake(*state, SERVER_SEQ);
	frame.data[TCP_AT + 13] = SYN;
	for (uint32_t i = 0; i < 3 * V2M_MAX_YOUNG_FLOWS; i++) {
		memcpy(frame.data + 26, &i, sizeof(i)); /* the source address */
		assert_int_equal(run_packet(*state, false, frame.data, frame.length, 0, 0), -1);
	}
	assert_int_equal(run_flows(*state, false), 1);
	assert_true(run_flow(*state, &key, false, &flow));
	assert_true(run_flows(*state, true) <= V2M_MAX_YOUNG_FLOWS);
}

static void a_forged_syn_takes_no_flow_from_its_owner(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);

	handshake(*state, SERVER_SEQ);
	label(*state, &key, ALICE);
	segment(*state, false, SYN, 555, 0, 0);
	/* The server answers by a challenge ACK, RFC 5961. */
	segment(*state, true, ACK, SERVER_SEQ + 1, 101, 0);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 400);
	assert_owner(*state, ALICE, 3, 400, 2, 0);
	/* The forged packet is nobody's, and no label moves it. */
	assert_int_equal(run_label(*state, &key, ALICE, V2M_LABEL_MOVE), V2M_LABEL_DONE);
	assert_owner(*state, ALICE, 3, 400, 2, 0);
}

static void a_new_connection_of_the_same_addresses_is_a_new_flow(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);

	handshake(*state, SERVER_SEQ);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 500);
	label(*state, &key, ALICE);
	handshake(*state, SERVER_SEQ + 90000);
	segment(*state, false, ACK, 101, SERVER_SEQ + 90001, 300);
	assert_owner(*state, ALICE, 3, 500, 1, 0);
	label(*state, &key, BOB);
	assert_owner(*state, ALICE, 3, 500, 1, 0);
	assert_owner(*state, BOB, 3, 300, 1, 0);
}

/* The race is forced: the new connection comes between the reading of the flows and the label. */
static void a_label_for_an_ended_connection_leaves_the_next_one_alone(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct v2m_flow_state ended;

	handshake(*state, SERVER_SEQ);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 500);
	assert_true(run_flow(*state, &key, false, &ended));
	/* It is young at first, then it is not. */
	segment(*state, false, SYN, 100, 0, 0);
	segment(*state, true, SYN | ACK, SERVER_SEQ + 90000, 101, 0);
	assert_int_equal(run_label_of(*state, &key, ended.began_ns, ALICE, V2M_LABEL_SET),
			 V2M_LABEL_UNKNOWN);
	segment(*state, false, ACK, 101, SERVER_SEQ + 90001, 300);
	assert_int_equal(run_label_of(*state, &key, ended.began_ns, ALICE, V2M_LABEL_SET),
			 V2M_LABEL_UNKNOWN);
	assert_int_equal(run_label_of(*state, &key, ended.began_ns, 0, V2M_LABEL_LEAVE),
			 V2M_LABEL_UNKNOWN);
	label(*state, &key, BOB);
	/* Nor is it a second user of the new one. */
	assert_int_equal(run_label_of(*state, &key, ended.began_ns, ALICE, V2M_LABEL_SET),
			 V2M_LABEL_UNKNOWN);
	segment(*state, false, ACK, 401, SERVER_SEQ + 90001, 50);
	assert_owner(*state, ALICE, 0, 0, 0, 0);
	assert_owner(*state, BOB, 3, 350, 1, 0);
}

static void a_repeated_syn_ack_belongs_to_the_same_connection(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);

	segment(*state, false, SYN, 100, 0, 0);
	segment(*state, true, SYN | ACK, SERVER_SEQ, 101, 0);
	segment(*state, false, SYN, 100, 0, 0);
	segment(*state, true, SYN | ACK, SERVER_SEQ, 101, 0);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 0);
	segment(*state, true, SYN | ACK, SERVER_SEQ, 101, 0);
	label(*state, &key, ALICE);
	assert_owner(*state, ALICE, 3, 0, 3, 0);
}

static void two_owners_of_one_flow_are_a_dispute(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	struct v2m_port_sample port;

	handshake(*state, SERVER_SEQ);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 500);
	label(*state, &key, ALICE);
	/* The same owner again is none. */
	assert_int_equal(run_label(*state, &key, ALICE, V2M_LABEL_SET), V2M_LABEL_DONE);
	assert_int_equal(run_label(*state, &key, BOB, V2M_LABEL_SET), V2M_LABEL_DISPUTED);
	segment(*state, false, ACK, 601, SERVER_SEQ + 1, 800);
	assert_int_equal(run_label(*state, &key, ALICE, V2M_LABEL_SET), V2M_LABEL_DISPUTED);
	assert_owner(*state, ALICE, 3, 500, 1, 0);
	assert_owner(*state, BOB, 0, 0, 0, 0);
	port = run_port(*state, SHARED_SLOT);
	assert_int_equal(port.tcp_rx.payload_bytes, 1300);
}

static void what_is_left_with_the_slot_is_not_moved_by_a_later_label(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);

	handshake(*state, SERVER_SEQ);
	segment(*state, false, ACK, 101, SERVER_SEQ + 1, 500);
	assert_int_equal(run_label(*state, &key, 0, V2M_LABEL_LEAVE), V2M_LABEL_DONE);
	segment(*state, false, ACK, 601, SERVER_SEQ + 1, 70);
	label(*state, &key, ALICE);
	assert_owner(*state, ALICE, 1, 70, 0, 0);
}

static void a_labelled_udp_flow_is_no_young_one_any_more(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, UDP);
	struct v2m_flow_state flow;

	datagram(*state, false, CLIENT, 100);
	datagram(*state, true, CLIENT, 200);
	assert_true(run_flow(*state, &key, true, &flow));
	assert_int_equal(run_flows(*state, false), 0);
	label(*state, &key, BOB);
	assert_int_equal(run_flows(*state, true), 0);
	datagram(*state, true, CLIENT, 50);
	assert_owner(*state, BOB, 1, 100, 2, 250);
	for (uint16_t i = 0; i < 100; i++)
		datagram(*state, false, (uint16_t)(1000 + i), 10);
	assert_owner(*state, BOB, 1, 100, 2, 250);
}

static void a_label_for_no_flow_is_unknown(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);

	for (enum v2m_label_step step = V2M_LABEL_NONE; step <= V2M_LABEL_MOVE_LAST; step++)
		assert_int_equal(run_label(*state, &key, ALICE, step), V2M_LABEL_UNKNOWN);
}

static void ports_of_one_key_have_no_flows(void **state)
{
	struct frame tcp = tcp4(CLIENT, PORT, 10);
	struct frame datagrams = udp(false, CLIENT, UDP_PORT, 10);

	run_in(*state, &tcp);
	run_in(*state, &datagrams);
	assert_int_equal(run_flows(*state, false) + run_flows(*state, true), 0);
}

/* Packets on one CPU, while the flow is labelled on another. V2M_FLOW_PACKETS may ask for fewer,
 * for an emulated machine. */
static int n_packets = 20000;
static atomic_bool running;

static void *send_packets(void *run)
{
	struct frame frame = tcp4(SHARED_PORT, CLIENT, 10);

	frame.data[TCP_AT + 13] = ACK;
	for (int i = 0; i < n_packets; i++)
		if (run_packet(run, true, frame.data, frame.length, 0, 0) != -1)
			break;
	atomic_store(&running, false);
	return NULL;
}

static void no_byte_is_lost_or_doubled_while_a_flow_is_labelled(void **state)
{
	struct v2m_flow_key key = flow_key(2, CLIENT, TCP);
	pthread_t thread;

	handshake(*state, SERVER_SEQ);
	atomic_store(&running, true);
	assert_int_equal(pthread_create(&thread, NULL, send_packets, *state), 0);
	assert_int_equal(run_label(*state, &key, ALICE, V2M_LABEL_SET), V2M_LABEL_DONE);
	while (atomic_load(&running)) {
		struct v2m_flow owner;
		struct v2m_port_sample port;

		run_label(*state, &key, ALICE, V2M_LABEL_MOVE);
		owner = run_owner(*state, ALICE, true);
		port = run_port(*state, SHARED_SLOT);
		assert_true(owner.packets <= port.tcp_tx.packets);
	}
	pthread_join(thread, NULL);
	run_label(*state, &key, ALICE, V2M_LABEL_MOVE);
	assert_owner(*state, ALICE, 2, 0, (uint64_t)n_packets + 1, (uint64_t)n_packets * 10);
}

/* A segment of one of many clients, whose address is the number. */
static void segment_of(struct run *run, uint32_t number, bool egress, uint8_t flags, uint32_t seq,
		       uint32_t ack)
{
	struct frame frame =
		egress ? tcp4(SHARED_PORT, CLIENT, 100) : tcp4(CLIENT, SHARED_PORT, 100);

	put_be32(frame.data + (egress ? 30 : 26), 0xc6120000u + number); /* 198.18.0.0/15 */
	if (!egress)
		frame.data[30 + 3] = 1;
	put_be32(frame.data + TCP_AT + 4, seq);
	put_be32(frame.data + TCP_AT + 8, ack);
	frame.data[TCP_AT + 13] = flags;
	run_gso(run, egress, &frame, 0, 0);
}

/* Nine of ten connections are named, for each of two owners in turn. */
static void many_flows_at_once_are_each_their_owners(void **state)
{
	const char *wanted = getenv("V2M_FLOWS");
	const uint32_t n = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 60000;
	uint64_t expected[3] = { 0 };
	struct v2m_port_sample port;

	for (uint32_t i = 0; i < n; i++) {
		struct v2m_flow_key key = flow_key(0, CLIENT, TCP);
		uint32_t owner = i % 10 ? 1 + i % 2 : V2M_NO_OWNER;

		put_be32(key.remote + 12, 0xc6120000u + i);
		segment_of(*state, i, false, SYN, 100, 0);
		segment_of(*state, i, true, SYN | ACK, SERVER_SEQ, 101);
		segment_of(*state, i, false, ACK, 101, SERVER_SEQ + 1);
		if (owner != V2M_NO_OWNER)
			label(*state, &key, owner);
		expected[owner]++;
	}
	assert_int_equal(run_flows(*state, false), n);
	for (uint32_t i = 0; i < n; i++)
		segment_of(*state, i, true, ACK, SERVER_SEQ + 1, 101);
	for (uint32_t owner = ALICE; owner <= BOB; owner++)
		assert_owner(*state, owner, 2 * expected[owner], 200 * expected[owner],
			     2 * expected[owner], 200 * expected[owner]);
	port = run_port(*state, SHARED_SLOT);
	assert_int_equal(port.tcp_rx.packets, 2 * n);
	assert_int_equal(port.tcp_tx.packets, 2 * n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(a_connection_belongs_to_its_owner_from_the_first_packet_on),
		PACKET_TEST(a_label_moves_what_the_sockets_have_added),
		PACKET_TEST(only_a_complete_handshake_makes_a_flow),
		PACKET_TEST(a_foreign_connection_makes_no_flow),
		PACKET_TEST(a_flood_of_syns_drops_no_flow),
		PACKET_TEST(a_forged_syn_takes_no_flow_from_its_owner),
		PACKET_TEST(a_new_connection_of_the_same_addresses_is_a_new_flow),
		PACKET_TEST(a_label_for_an_ended_connection_leaves_the_next_one_alone),
		PACKET_TEST(a_repeated_syn_ack_belongs_to_the_same_connection),
		PACKET_TEST(two_owners_of_one_flow_are_a_dispute),
		PACKET_TEST(what_is_left_with_the_slot_is_not_moved_by_a_later_label),
		PACKET_TEST(a_labelled_udp_flow_is_no_young_one_any_more),
		PACKET_TEST(a_label_for_no_flow_is_unknown),
		PACKET_TEST(ports_of_one_key_have_no_flows),
		PACKET_TEST(many_flows_at_once_are_each_their_owners),
		PACKET_TEST(no_byte_is_lost_or_doubled_while_a_flow_is_labelled),
	};

	const char *packets = getenv("V2M_FLOW_PACKETS");

	if (packets)
		n_packets = atoi(packets);
	return RUN_PACKET_TESTS(tests);
}
