// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks how fragments are counted. See docs/counting.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

static struct frame fragment4(uint16_t id, uint16_t where, uint16_t port)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, UDP, 0, 1, 2);
	frame_ipv4_fragment(&frame, id, where);
	if (port)
		frame_udp(&frame, CLIENT, port);
	frame_zeros(&frame, 64);
	frame_finish(&frame);
	return frame;
}

static void later_fragments_follow_the_first(void **state)
{
	struct frame first = fragment4(77, MORE, PORT);
	struct frame second = fragment4(77, MORE | 9, 0);
	struct frame last = fragment4(77, 17, 0);

	run_in(*state, &first);
	run_in(*state, &second);
	run_in(*state, &last);
	assert_flow(run_port(*state, SLOT).udp_rx, 3, 106 + 98 + 98, 64 * 3);
}

static void a_later_fragment_before_the_first_is_unattributed(void **state)
{
	struct frame first = fragment4(78, MORE, PORT);
	struct frame later = fragment4(78, 9, 0);

	run_in(*state, &later);
	run_in(*state, &first);
	assert_flow(run_port(*state, SLOT).udp_rx, 1, 106, 64);
	assert_int_equal(run_device(*state).ingress.unattributed.packets, 1);
	assert_int_equal(run_device(*state).ingress.unattributed.wire_bytes, 98);
}

static void later_fragments_of_an_unmonitored_port_are_others(void **state)
{
	struct frame first = fragment4(79, MORE, 1);
	struct frame later = fragment4(79, 9, 0);

	run_in(*state, &first);
	run_in(*state, &later);
	assert_int_equal(run_device(*state).ingress.other.packets, 2);
	assert_int_equal(run_device(*state).ingress.unattributed.packets, 0);
}

static void fragments_of_the_other_direction_are_others_packets(void **state)
{
	struct frame first = fragment4(80, MORE, PORT);
	struct frame later = fragment4(80, 9, 0);

	run_in(*state, &first);
	run_gso(*state, true, &later, 0, 0);
	assert_int_equal(run_device(*state).egress.unattributed.packets, 1);
}

static void a_later_fragments_payload_is_not_taken_for_ports(void **state)
{
	struct frame later = fragment4(81, 9, 0);

	frame_put_be16(&later, later.ip + 22, PORT);
	run_in(*state, &later);
	assert_flow(run_port(*state, SLOT).udp_rx, 0, 0, 0);
}

static struct frame fragment6(uint32_t id, uint16_t where, bool options, bool first)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 44, 1, 2);
	frame_ipv6_fragment(&frame, options ? 60 : TCP, where, id);
	if (first && options)
		frame_extension(&frame, TCP, 0, false);
	if (first)
		frame_tcp(&frame, CLIENT, PORT, 5);
	frame_zeros(&frame, 32);
	frame_finish(&frame);
	return frame;
}

static void ipv6_fragments_follow_the_first(void **state)
{
	struct frame first = fragment6(1, 1, false, true);
	struct frame last = fragment6(1, 48, false, false);

	run_in(*state, &first);
	run_in(*state, &last);
	assert_flow(run_port(*state, SLOT).tcp_rx, 2, (14 + 48 + 20 + 32) + (14 + 48 + 32), 64);
}

static void ipv6_fragments_know_their_transport_from_the_first(void **state)
{
	struct frame first = fragment6(2, 1, true, true);
	struct frame last = fragment6(2, 64, true, false);

	run_in(*state, &first);
	run_in(*state, &last);
	assert_flow(run_port(*state, SLOT).tcp_rx, 2, (14 + 48 + 8 + 20 + 32) + (14 + 48 + 32), 64);
}

/* Linux takes the next header from the first fragment, whatever the others say. */
static void the_next_header_of_a_later_fragment_decides_nothing(void **state)
{
	static const uint8_t others[] = { 58, 59, 132 };
	struct frame first = fragment6(4, 1, false, true);

	run_in(*state, &first);
	for (size_t i = 0; i < sizeof(others); i++) {
		struct frame later = fragment6(4, (uint16_t)(48 + 32 * i), false, false);

		later.data[later.ip + 40] = others[i];
		run_in(*state, &later);
	}
	assert_flow(run_port(*state, SLOT).tcp_rx, 4, (14 + 48 + 20 + 32) + 3 * (14 + 48 + 32),
		    4 * 32);
}

static void fragments_of_another_protocol_are_others(void **state)
{
	struct frame first = fragment6(5, 1, false, true);
	struct frame last = fragment6(5, 64, false, false);

	first.data[first.ip + 40] = 58;
	run_in(*state, &first);
	run_in(*state, &last);
	assert_int_equal(run_device(*state).ingress.other.packets, 2);
}

/* Nor may it take the others from the port. */
static void a_first_fragment_without_ports_replaces_none(void **state)
{
	struct frame first = fragment6(6, 1, false, true);
	struct frame forged = fragment6(6, 1, false, true);
	struct frame last = fragment6(6, 64, false, false);

	forged.data[forged.ip + 40] = 58;
	run_in(*state, &first);
	run_in(*state, &forged);
	run_in(*state, &last);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.packets, 2);
	assert_int_equal(run_device(*state).ingress.other.packets, 1);
}

static void an_atomic_fragment_is_a_whole_packet(void **state)
{
	struct frame atomic = fragment6(3, 0, false, true);
	struct frame later = fragment6(3, 64, false, false);

	run_in(*state, &atomic);
	run_in(*state, &later);
	assert_flow(run_port(*state, SLOT).tcp_rx, 1, 14 + 48 + 20 + 32, 32);
	assert_int_equal(run_device(*state).ingress.unattributed.packets, 1);
}

/* A multiplication and a shift carry a top bit unchanged, so these two bits of the next words undo
 * what the first one changed, if the secret does not decide about it. */
static void no_two_sources_have_the_same_entry(void **state)
{
	struct frame first = fragment6(4, 1, false, true);
	struct frame later = fragment6(4, 64, false, false);

	later.data[later.ip + 8 + 7] ^= 0x80;
	later.data[later.ip + 8 + 11] ^= 0x80;
	later.data[later.ip + 8 + 15] ^= 0x80;
	run_in(*state, &first);
	run_in(*state, &later);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.packets, 1);
	assert_int_equal(run_device(*state).ingress.unattributed.packets, 1);
}

/* Some 48 newer ones come to each set of 8, so the oldest are gone. Only every second set has one
 * of the newest, so all of them are there. */
static void the_table_drops_the_oldest_first_fragments(void **state)
{
	const uint32_t all = 100000;
	const uint32_t some = 1000;

	for (uint32_t id = 1; id <= all; id++) {
		struct frame first = fragment6(id, 1, false, true);

		run_in(*state, &first);
	}
	for (uint32_t i = 0; i < some; i++) {
		struct frame oldest = fragment6(1 + i, 64, false, false);
		struct frame newest = fragment6(all - i, 64, false, false);

		run_in(*state, &oldest);
		run_in(*state, &newest);
	}
	assert_int_equal(run_port(*state, SLOT).tcp_rx.packets, all + some);
	assert_int_equal(run_device(*state).ingress.unattributed.packets, some);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(later_fragments_follow_the_first),
		PACKET_TEST(a_later_fragment_before_the_first_is_unattributed),
		PACKET_TEST(later_fragments_of_an_unmonitored_port_are_others),
		PACKET_TEST(fragments_of_the_other_direction_are_others_packets),
		PACKET_TEST(a_later_fragments_payload_is_not_taken_for_ports),
		PACKET_TEST(ipv6_fragments_follow_the_first),
		PACKET_TEST(ipv6_fragments_know_their_transport_from_the_first),
		PACKET_TEST(the_next_header_of_a_later_fragment_decides_nothing),
		PACKET_TEST(fragments_of_another_protocol_are_others),
		PACKET_TEST(a_first_fragment_without_ports_replaces_none),
		PACKET_TEST(an_atomic_fragment_is_a_whole_packet),
		PACKET_TEST(no_two_sources_have_the_same_entry),
		PACKET_TEST(the_table_drops_the_oldest_first_fragments),
	};

	return RUN_PACKET_TESTS(tests);
}
