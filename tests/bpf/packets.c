// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks how well-formed packets are counted. See docs/counting.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "base/sample.h"

static void tcp_over_ipv4_counts_by_destination_port_on_ingress(void **state)
{
	struct frame frame = tcp4(CLIENT, PORT, 100);

	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 20 + 32 + 100, 100);
}

static void tcp_over_ipv6_counts_by_destination_port_on_ingress(void **state)
{
	struct frame frame = tcp6(CLIENT, PORT, 100);

	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 40 + 32 + 100, 100);
}

static void udp_counts_beside_tcp(void **state)
{
	struct frame four = udp(false, CLIENT, PORT, 10);
	struct frame six = udp(true, CLIENT, PORT, 20);
	struct v2m_port_sample port;

	run_in(*state, &four);
	run_in(*state, &six);
	port = run_port(*state, SLOT);
	assert_flow(port.udp_rx, 2, (14 + 20 + 8 + 10) + (14 + 40 + 8 + 20), 30);
	assert_flow(port.tcp_rx, 0, 0, 0);
}

static void egress_counts_by_source_port(void **state)
{
	struct frame out = tcp4(PORT, CLIENT, 5);
	struct frame away = tcp4(CLIENT, PORT, 5);
	struct frame datagram = udp(true, PORT, CLIENT, 5);
	struct v2m_port_sample port;

	run_gso(*state, true, &out, 0, 0);
	run_gso(*state, true, &away, 0, 0);
	run_gso(*state, true, &datagram, 0, 0);
	port = run_port(*state, SLOT);
	assert_flow(port.tcp_tx, 1, 71, 5);
	assert_flow(port.udp_tx, 1, 67, 5);
	assert_flow(port.tcp_rx, 0, 0, 0);
	assert_int_equal(run_device(*state).egress.other.packets, 1);
}

static void the_source_port_does_not_count_on_ingress(void **state)
{
	struct frame frame = tcp4(PORT, CLIENT, 1);

	run_in(*state, &frame);
	assert_other(*state, frame.length);
}

static void a_transport_that_was_not_asked_for_does_not_count(void **state)
{
	struct frame datagram = udp(false, CLIENT, TCP_PORT, 1);
	struct frame segment = tcp4(CLIENT, UDP_PORT, 1);
	struct v2m_port_sample tcp;
	struct v2m_port_sample udp_only;

	run_in(*state, &datagram);
	run_in(*state, &segment);
	tcp = run_port(*state, TCP_SLOT);
	udp_only = run_port(*state, UDP_SLOT);
	assert_flow(tcp.udp_rx, 0, 0, 0);
	assert_flow(udp_only.tcp_rx, 0, 0, 0);
	assert_int_equal(run_device(*state).ingress.other.packets, 2);
}

static void in_band_tags_count_and_are_walked(void **state)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x8100);
	frame_tag(&frame, 0x0800);
	frame_ipv4(&frame, TCP, 0, 1, 2);
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_zeros(&frame, 9);
	frame_finish(&frame);
	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 4 + 20 + 20 + 9, 9);
}

static struct frame tagged(unsigned tags)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x88a8);
	for (unsigned i = 1; i < tags; i++)
		frame_tag(&frame, 0x8100);
	frame_tag(&frame, 0x86dd);
	frame_ipv6(&frame, TCP, 1, 2);
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_finish(&frame);
	return frame;
}

static void two_tags_are_walked(void **state)
{
	struct frame frame = tagged(2);

	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 8 + 40 + 20, 0);
}

static void eight_tags_are_walked_and_more_are_too_deep(void **state)
{
	struct frame most = tagged(8);
	struct frame more = tagged(9);

	run_in(*state, &most);
	assert_tcp_in(*state, 14 + 8 * 4 + 40 + 20, 0);
	run_in(*state, &more);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.packets, 1);
	assert_too_deep(*state, more.length);
}

static void each_segment_repeats_its_tags(void **state)
{
	struct frame frame = tagged(2);

	frame_zeros(&frame, 250);
	frame_finish(&frame);
	run_gso(*state, false, &frame, 100, 3);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.wire_bytes, 250 + 3 * (14 + 8 + 40 + 20));
}

static void ipv4_options_are_no_payload(void **state)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x0800);
	frame_ipv4(&frame, TCP, 10, 1, 2);
	frame_tcp(&frame, CLIENT, PORT, 15);
	frame_zeros(&frame, 3);
	frame_finish(&frame);
	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 60 + 60 + 3, 3);
}

static void ipv6_extension_headers_are_walked(void **state)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 0, 1, 2);
	frame_extension(&frame, 43, 0, false);
	frame_extension(&frame, 60, 2, false);
	frame_extension(&frame, 51, 1, false);
	frame_extension(&frame, TCP, 4, true);
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_zeros(&frame, 11);
	frame_finish(&frame);
	run_in(*state, &frame);
	assert_tcp_in(*state, 14 + 40 + 8 + 24 + 16 + 24 + 20 + 11, 11);
}

static struct frame extended(unsigned headers)
{
	struct frame frame = {};

	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 60, 1, 2);
	for (unsigned i = 1; i < headers; i++)
		frame_extension(&frame, 60, 0, false);
	frame_extension(&frame, TCP, 0, false);
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_finish(&frame);
	return frame;
}

static void thirty_two_extension_headers_are_walked_and_more_are_too_deep(void **state)
{
	struct frame most = extended(32);
	struct frame more = extended(33);

	run_in(*state, &most);
	run_in(*state, &more);
	assert_int_equal(run_port(*state, SLOT).tcp_rx.packets, 1);
	assert_too_deep(*state, more.length);
}

static void a_super_packet_counts_as_its_segments(void **state)
{
	struct frame frame = tcp4(PORT, CLIENT, 3000);

	run_gso(*state, true, &frame, 1448, 3);
	assert_flow(run_port(*state, SLOT).tcp_tx, 3, 3000 + 3 * 66, 3000);
}

static void without_gso_segs_the_segment_size_tells(void **state)
{
	struct frame frame = tcp6(CLIENT, PORT, 3000);

	run_gso(*state, false, &frame, 1428, 0);
	assert_flow(run_port(*state, SLOT).tcp_rx, 3, 3000 + 3 * 86, 3000);
}

static void udp_segmentation_repeats_the_udp_header(void **state)
{
	struct frame frame = udp(false, PORT, CLIENT, 1000);

	run_gso(*state, true, &frame, 300, 4);
	assert_flow(run_port(*state, SLOT).udp_tx, 4, 1000 + 4 * 42, 1000);
}

static void big_tcp_over_ipv6_has_a_header_that_is_not_on_the_wire(void **state)
{
	static const uint8_t jumbo[] = { TCP, 0, 0xc2, 4, 0, 1, 0, 0 };
	struct frame frame = {};

	frame_ethernet(&frame, 0x86dd);
	frame_ipv6(&frame, 0, 1, 2);
	frame_bytes(&frame, jumbo, sizeof(jumbo));
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_zeros(&frame, 3000);
	run_gso(*state, false, &frame, 1000, 3);
	assert_flow(run_port(*state, SLOT).tcp_rx, 3, 3000 + 3 * (14 + 40 + 20), 3000);
}

static void the_tally_of_others_counts_segments_too(void **state)
{
	struct frame frame = tcp4(CLIENT, 1, 3000);

	run_gso(*state, false, &frame, 1000, 3);
	assert_int_equal(run_device(*state).ingress.other.packets, 3);
	assert_int_equal(run_device(*state).ingress.other.wire_bytes, 3000 + 3 * 66);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(tcp_over_ipv4_counts_by_destination_port_on_ingress),
		PACKET_TEST(tcp_over_ipv6_counts_by_destination_port_on_ingress),
		PACKET_TEST(udp_counts_beside_tcp),
		PACKET_TEST(egress_counts_by_source_port),
		PACKET_TEST(the_source_port_does_not_count_on_ingress),
		PACKET_TEST(a_transport_that_was_not_asked_for_does_not_count),
		PACKET_TEST(in_band_tags_count_and_are_walked),
		PACKET_TEST(two_tags_are_walked),
		PACKET_TEST(eight_tags_are_walked_and_more_are_too_deep),
		PACKET_TEST(each_segment_repeats_its_tags),
		PACKET_TEST(ipv4_options_are_no_payload),
		PACKET_TEST(ipv6_extension_headers_are_walked),
		PACKET_TEST(thirty_two_extension_headers_are_walked_and_more_are_too_deep),
		PACKET_TEST(a_super_packet_counts_as_its_segments),
		PACKET_TEST(without_gso_segs_the_segment_size_tells),
		PACKET_TEST(udp_segmentation_repeats_the_udp_header),
		PACKET_TEST(big_tcp_over_ipv6_has_a_header_that_is_not_on_the_wire),
		PACKET_TEST(the_tally_of_others_counts_segments_too),
	};

	return RUN_PACKET_TESTS(tests);
}
