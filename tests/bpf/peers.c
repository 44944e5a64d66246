// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks the peers to which a port has sent datagrams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define FLOOD 50000
#define MANY  2048

static void send_to(struct run *run, bool egress, struct frame frame)
{
	assert_int_equal(run_packet(run, egress, frame.data, frame.length, 0, 0), -1);
}

/* frame_ipv4() sends to 10.0.0.2, frame_ipv6() to fd00::2. */
static void a_datagram_that_is_sent_makes_a_peer(void **state)
{
	static const uint8_t ipv4[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 };
	static const uint8_t ipv6[16] = { 0xfd, [15] = 2 };
	struct v2m_udp_peer peers[4];

	send_to(*state, true, udp(false, PORT, CLIENT, 10));
	send_to(*state, true, udp(false, PORT, CLIENT, 10));
	assert_int_equal(run_peers(*state, peers, 4), 1);
	assert_int_equal(peers[0].port, PORT);
	assert_int_equal(peers[0].remote_port, CLIENT);
	assert_memory_equal(peers[0].address, ipv4, 16);
	send_to(*state, true, udp(true, UDP_PORT, CLIENT, 10));
	assert_int_equal(run_peers(*state, peers, 4), 2);
	if (peers[0].port == PORT)
		peers[0] = peers[1];
	assert_int_equal(peers[0].port, UDP_PORT);
	assert_memory_equal(peers[0].address, ipv6, 16);
}

static void what_needs_the_long_way_makes_a_peer_too(void **state)
{
	struct frame frame = { 0 };
	struct v2m_udp_peer peers[2];

	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, UDP, 2, 1, 2);
	frame_udp(&frame, PORT, CLIENT);
	frame_finish(&frame);
	send_to(*state, true, frame);
	assert_int_equal(run_peers(*state, peers, 2), 1);
	assert_int_equal(peers[0].port, PORT);
	assert_int_equal(peers[0].remote_port, CLIENT);
	assert_int_equal(peers[0].address[12], 10);
}

static void tcp_other_ports_and_what_arrives_make_no_peer(void **state)
{
	struct v2m_udp_peer peer;

	send_to(*state, true, tcp4(PORT, CLIENT, 10));
	send_to(*state, true, tcp6(PORT, CLIENT, 10));
	send_to(*state, true, udp(false, TCP_PORT, CLIENT, 10));
	send_to(*state, true, udp(false, 443, CLIENT, 10));
	send_to(*state, false, udp(false, CLIENT, PORT, 10));
	assert_int_equal(run_peers(*state, &peer, 1), 0);
}

static void forged_sources_that_get_no_answer_fill_nothing(void **state)
{
	struct v2m_udp_peer peer;
	struct frame frame = udp(false, CLIENT, PORT, 10);

	for (uint32_t i = 0; i < FLOOD; i++) {
		memcpy(frame.data + 26, &i, sizeof(i)); /* the source address */
		send_to(*state, false, frame);
	}
	assert_int_equal(run_peers(*state, &peer, 1), 0);
}

/* The map is full, and the last one is in it. */
static void forged_sources_that_get_an_answer_push_out_only_each_other(void **state)
{
	static struct v2m_udp_peer peers[2 * V2M_MAX_UDP_PEERS];
	struct frame frame = udp(false, PORT, CLIENT, 10);
	size_t count;
	bool found = false;

	for (uint32_t i = 1; i <= FLOOD; i++) {
		memcpy(frame.data + 30, &i, sizeof(i)); /* the destination address */
		send_to(*state, true, frame);
	}
	count = run_peers(*state, peers, 2 * V2M_MAX_UDP_PEERS);
	assert_in_range(count, V2M_MAX_UDP_PEERS / 2, V2M_MAX_UDP_PEERS);
	for (size_t i = 0; i < count; i++)
		found |= memcmp(peers[i].address + 12, frame.data + 30, 4) == 0;
	assert_true(found);
}

static void the_map_is_not_written_for_every_datagram(void **state)
{
	struct frame frame = udp(false, PORT, CLIENT, 10);
	uint64_t first_ns;

	send_to(*state, true, frame);
	first_ns = run_peer_seen(*state).at_ns;
	send_to(*state, true, frame);
	assert_int_equal(run_peer_seen(*state).at_ns, first_ns);
	run_age_peer(*state, V2M_UDP_SEEN_JIFFIES);
	send_to(*state, true, frame);
	assert_true(run_peer_seen(*state).at_ns > first_ns);
}

/* Or it would be written late by as much again. */
static void a_processor_takes_the_age_of_an_entry_from_the_map(void **state)
{
	struct frame frame = udp(false, PORT, CLIENT, 10);
	uint64_t first_ns;

	send_to(*state, true, frame);
	first_ns = run_peer_seen(*state).at_ns;
	run_age_peer(*state, V2M_UDP_SEEN_JIFFIES / 2);
	run_forget_recent_peers(*state);
	send_to(*state, true, frame);
	assert_int_equal(run_peer_seen(*state).at_ns, first_ns);
	run_age_peer(*state, V2M_UDP_SEEN_JIFFIES / 2);
	send_to(*state, true, frame);
	assert_true(run_peer_seen(*state).at_ns > first_ns);
}

/* More than a processor remembers, in turn. */
static void many_peers_in_turn_are_all_there(void **state)
{
	struct frame frame = udp(false, PORT, CLIENT, 10);
	struct v2m_udp_peer peer;

	for (uint32_t i = 0; i < 2 * MANY; i++) {
		uint32_t address = i % MANY + 1;

		memcpy(frame.data + 30, &address, sizeof(address));
		send_to(*state, true, frame);
	}
	assert_int_equal(run_peers(*state, &peer, 1), MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(a_datagram_that_is_sent_makes_a_peer),
		PACKET_TEST(what_needs_the_long_way_makes_a_peer_too),
		PACKET_TEST(tcp_other_ports_and_what_arrives_make_no_peer),
		PACKET_TEST(forged_sources_that_get_no_answer_fill_nothing),
		PACKET_TEST(forged_sources_that_get_an_answer_push_out_only_each_other),
		PACKET_TEST(the_map_is_not_written_for_every_datagram),
		PACKET_TEST(a_processor_takes_the_age_of_an_entry_from_the_map),
		PACKET_TEST(many_peers_in_turn_are_all_there),
	};

	return RUN_PACKET_TESTS(tests);
}
