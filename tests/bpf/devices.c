// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks how the constants of a device change counting. See docs/counting.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fixture.h"
#include "base/sample.h"

static const struct v2m_device_config no_link_header = { .device_slot = 255 };
static const struct v2m_device_config loopback = { .link_header = 14, .loopback = 1 };
static const struct v2m_device_config host_only = { .link_header = 14, .host_only = 1 };

static void a_loopback_port_does_not_count_on_other_devices(void **state)
{
	struct frame frame = tcp4(CLIENT, LOCAL_PORT, 1);

	run_in(*state, &frame);
	assert_other(*state, frame.length);
}

static void the_loopback_device_counts_loopback_ports_alone(void **state)
{
	struct run *run = open_run(&loopback);
	struct frame local = tcp4(CLIENT, LOCAL_PORT, 1);
	struct frame frame = tcp4(CLIENT, PORT, 1);

	(void)state;
	run_in(run, &local);
	run_in(run, &frame);
	assert_int_equal(run_port(run, LOCAL_SLOT).tcp_rx.packets, 1);
	assert_int_equal(run_port(run, SLOT).tcp_rx.packets, 0);
	run_close(run);
}

static struct v2m_local_address ipv4_address(uint8_t first, uint8_t last)
{
	return (struct v2m_local_address){ .address = { [10] = 0xff, 0xff, first, 0, 0, last } };
}

static void counts_only_for_this_host(struct run *run, bool ipv6)
{
	struct frame frame = ipv6 ? tcp6(CLIENT, PORT, 1) : tcp4(CLIENT, PORT, 1);
	struct frame back = ipv6 ? tcp6(PORT, CLIENT, 1) : tcp4(PORT, CLIENT, 1);
	struct v2m_port_sample before = run_port(run, SLOT);

	run_in(run, &frame);
	assert_int_equal(run_port(run, SLOT).tcp_rx.packets, before.tcp_rx.packets + 1);
	/* Its source is 10.0.0.1 or fd00::1, which is not here. */
	run_gso(run, true, &back, 0, 0);
	assert_int_equal(run_port(run, SLOT).tcp_tx.packets, 0);
}

static void a_host_only_device_counts_this_hosts_packets_alone(void **state)
{
	const struct v2m_local_address here[] = {
		ipv4_address(10, 2),
		{ .address = { 0xfd, [15] = 2 } },
	};

	(void)state;
	for (int fast = 0; fast <= 1; fast++) {
		struct run *run = open_run(&host_only);
		struct frame frame = tcp4(CLIENT, PORT, 1);

		run_in(run, &frame);
		assert_int_equal(run_port(run, SLOT).tcp_rx.packets, 0);
		run_set_addresses(run, here, 2, fast);
		counts_only_for_this_host(run, false);
		counts_only_for_this_host(run, true);
		run_close(run);
	}
}

/* The ones that count come last. */
static void addresses_without_room_are_found_in_the_list(void **state)
{
	struct v2m_local_address here[2 * V2M_OWN_IPV4 + 2];
	struct run *run = open_run(&host_only);
	size_t count = 0;

	(void)state;
	for (uint8_t i = 0; i < V2M_OWN_IPV4; i++)
		here[count++] = ipv4_address(9, i);
	here[count++] = ipv4_address(10, 2);
	for (uint8_t i = 0; i < V2M_OWN_IPV4; i++)
		here[count++] = (struct v2m_local_address){ .address = { 0x20, 1, [15] = i } };
	here[count++] = (struct v2m_local_address){ .address = { 0xfd, [15] = 2 } };
	run_set_addresses(run, here, count, true);
	counts_only_for_this_host(run, false);
	counts_only_for_this_host(run, true);
	run_close(run);
}

/* TEST_RUN takes the protocol from bytes 12 and 13, which here are the source address. */
static void a_device_without_a_link_header_starts_with_ip(void **state)
{
	struct run *run = open_run(&no_link_header);
	struct frame frame = {};

	(void)state;
	frame_ipv4(&frame, TCP, 0, 1, 2);
	frame.data[12] = 0x08;
	frame.data[13] = 0x00;
	frame_tcp(&frame, CLIENT, PORT, 5);
	frame_zeros(&frame, 10);
	frame_finish(&frame);
	run_in(run, &frame);
	assert_tcp_in(run, 50, 10);
	run_close(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PACKET_TEST(a_loopback_port_does_not_count_on_other_devices),
		cmocka_unit_test(the_loopback_device_counts_loopback_ports_alone),
		cmocka_unit_test(a_host_only_device_counts_this_hosts_packets_alone),
		cmocka_unit_test(addresses_without_room_are_found_in_the_list),
		cmocka_unit_test(a_device_without_a_link_header_starts_with_ip),
	};

	return RUN_PACKET_TESTS(tests);
}
