// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attacks that try to have a packet with a monitored port counted for the wrong side, and the bytes
 * that each of them may change. See docs/counting.md, 7.5 and its last section. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static void send_flags(struct run *run, bool leaves, uint8_t flags, size_t payload)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, TCP, 0, leaves ? 2 : 1, leaves ? 1 : 2);
	frame_tcp(&frame, leaves ? PORT : CLIENT, leaves ? CLIENT : PORT, 5);
	frame.data[frame.length - 7] = flags;
	frame_zeros(&frame, payload);
	frame_finish(&frame);
	run_gso(run, leaves, &frame, 0, 0);
}

static uint64_t counted(struct run *run)
{
	struct v2m_port_sample port = run_port(run, SLOT);

	return port.tcp_rx.payload_bytes + port.tcp_tx.payload_bytes;
}

/* A connection that this host begins, from its first segment to its last. */
static void an_outgoing_connection_changes_nothing(void **state)
{
	send_flags(*state, true, SYN, 0);
	send_flags(*state, false, SYN | ACK, 0);
	send_flags(*state, true, ACK, 500);
	send_flags(*state, false, ACK, 700);
	assert_flow(run_port(*state, SLOT).tcp_tx, 0, 0, 0);
	assert_flow(run_port(*state, SLOT).tcp_rx, 0, 0, 0);
	assert_int_equal(run_device(*state).egress.foreign.packets, 2);
	assert_int_equal(run_device(*state).ingress.foreign.packets, 2);
}

/* Evasion: something behind this host prepares the four numbers of a later connection. */
static void a_prepared_entry_wins_no_more_than_the_first_segment(void **state)
{
	send_flags(*state, true, SYN, 0);
	send_flags(*state, false, SYN, 0);
	send_flags(*state, true, SYN | ACK, 0);
	send_flags(*state, false, ACK, 900);
	send_flags(*state, true, ACK, 400);
	assert_int_equal(counted(*state), 1300);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.packets, 1);
}

/* Evasion: no segment that a client sends makes its connection foreign. */
static void nothing_that_arrives_makes_a_connection_foreign(void **state)
{
	for (unsigned flags = 0; flags < 256; flags++)
		send_flags(*state, false, (uint8_t)flags, 10);
	send_flags(*state, true, SYN | ACK, 0);
	send_flags(*state, true, ACK, 100);
	assert_int_equal(counted(*state), 256 * 10 + 100);
	assert_int_equal(run_device(*state).ingress.foreign.packets, 0);
}

/* Forgery: whatever a stranger sends, a foreign connection does not become the key's. */
static void nothing_that_arrives_makes_a_foreign_connection_the_keys(void **state)
{
	send_flags(*state, true, SYN, 0);
	for (unsigned flags = 0; flags < 256; flags++)
		send_flags(*state, false, (uint8_t)flags, 10);
	send_flags(*state, true, ACK, 100);
	send_flags(*state, true, ACK | RST, 0);
	assert_int_equal(counted(*state), 0);
}

/* The entry is for one connection, not for the port. */
static void another_client_of_the_port_counts(void **state)
{
	struct frame other = tcp4(CLIENT + 1, PORT, 50);
	struct frame ipv6 = tcp6(CLIENT, PORT, 60);

	send_flags(*state, true, SYN, 0);
	run_in(*state, &other);
	run_in(*state, &ipv6);
	assert_int_equal(counted(*state), 110);
}

/* Evasion: the way around the plain packets' path, by a header option. */
static void options_hide_no_foreign_connection(void **state)
{
	struct frame frame = {};

	send_flags(*state, true, SYN, 0);
	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, TCP, 2, 1, 2);
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_zeros(&frame, 30);
	frame_finish(&frame);
	run_in(*state, &frame);
	assert_int_equal(counted(*state), 0);
	assert_int_equal(run_device(*state).ingress.foreign.packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(an_outgoing_connection_changes_nothing),
		PACKET_TEST(a_prepared_entry_wins_no_more_than_the_first_segment),
		PACKET_TEST(nothing_that_arrives_makes_a_connection_foreign),
		PACKET_TEST(nothing_that_arrives_makes_a_foreign_connection_the_keys),
		PACKET_TEST(another_client_of_the_port_counts),
		PACKET_TEST(options_hide_no_foreign_connection),
	};

	return RUN_PACKET_TESTS(tests);
}
