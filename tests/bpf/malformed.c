// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks how padding, truncated packets and packets with wrong lengths are counted. See
 * docs/counting.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"

static void padding_is_wire_and_no_payload(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 0);
	struct frame six = udp(true, CLIENT, PORT, 2);

	frame_zeros(&frame, 6);
	frame_zeros(&six, 30);
	run_in(*state, &frame);
	run_in(*state, &six);
	assert_flow(run_port(*state, SLOT).tcp_rx, 1, 14 + 52 + 6, 0);
	assert_flow(run_port(*state, SLOT).udp_rx, 1, 14 + 48 + 2 + 30, 2);
}

static void ports_in_the_padding_are_no_ports(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 0);

	frame_put_be16(&frame, frame.ip + 2, 20);
	run_in(*state, &frame);
	assert_other(*state, frame.length);
}

static void a_length_beyond_the_packet_is_not_believed(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 7);

	frame_put_be16(&frame, frame.ip + 2, 65535);
	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 52 + 7, 7);
}

static void a_length_of_zero_means_the_rest(void **state)
{
	struct frame four = tcp4(CLIENT, PORT, 7);
	struct frame six = tcp6(CLIENT, PORT, 9);

	frame_put_be16(&four, four.ip + 2, 0);
	frame_put_be16(&six, six.ip + 4, 0);
	run_in(*state, &four);
	run_in(*state, &six);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.payload_bytes, 16);
}

static void a_short_data_offset_means_twenty_bytes(void **state)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, TCP, 0, 1, 2);
	frame_tcp(&frame, CLIENT, PORT, 1);
	frame_zeros(&frame, 10);
	frame_finish(&frame);
	run_in(*state, &frame);
	assert_tcp_in(*state, 64, 10);
}

static void a_data_offset_beyond_the_packet_leaves_no_payload(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 0);

	frame.data[frame.ip + 20 + 12] = 0xf0;
	run_in(*state, &frame);
	assert_tcp_in(*state, 66, 0);
}

static void a_cut_off_tcp_header_still_has_ports(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 0);

	frame.length = frame.ip + 20 + 8;
	run_in(*state, &frame);
	assert_tcp_in(*state, 42, 0);
}

static void less_than_eight_bytes_have_no_ports(void **state)
{
	struct frame frame = udp(false, CLIENT, PORT, 0);

	frame.length--;
	run_in(*state, &frame);
	assert_other(*state, 41);
}

static void a_header_length_below_five_is_no_ipv4(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 10);

	frame.data[frame.ip] = 0x44;
	run_in(*state, &frame);
	assert_other(*state, frame.length);
}

static void the_wrong_version_is_no_ip(void **state)
{
	struct frame four = tcp4(CLIENT, PORT, 10);
	struct frame six = tcp6(CLIENT, PORT, 10);

	four.data[four.ip] = 0x65;
	six.data[six.ip] = 0x40;
	run_in(*state, &four);
	run_in(*state, &six);
	assert_int_equal(run_device(*state).ingress.other.packets, 2);
}

static void what_is_no_ip_is_seen_and_counts_as_other(void **state)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x0806);
	frame_zeros(&frame, 46);
	run_in(*state, &frame);
	assert_other(*state, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(padding_is_wire_and_no_payload),
		PACKET_TEST(ports_in_the_padding_are_no_ports),
		PACKET_TEST(a_length_beyond_the_packet_is_not_believed),
		PACKET_TEST(a_length_of_zero_means_the_rest),
		PACKET_TEST(a_short_data_offset_means_twenty_bytes),
		PACKET_TEST(a_data_offset_beyond_the_packet_leaves_no_payload),
		PACKET_TEST(a_cut_off_tcp_header_still_has_ports),
		PACKET_TEST(less_than_eight_bytes_have_no_ports),
		PACKET_TEST(a_header_length_below_five_is_no_ipv4),
		PACKET_TEST(the_wrong_version_is_no_ip),
		PACKET_TEST(what_is_no_ip_is_seen_and_counts_as_other),
	};

	return RUN_PACKET_TESTS(tests);
}
