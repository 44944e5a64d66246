// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ports that come and go, and the slots they are given. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath.h"
#include "base/transport.h"
#include "datapath/addresses.h"
#include "datapath/attach.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/port_slots.h"
#include "base/sample.h"

static int set_ports_once(struct fixture *fixture, uint16_t first, size_t count,
			  unsigned transports)
{
	struct v2m_port_rule *rules = calloc(count + 1, sizeof(*rules));
	struct v2m_error error = {};
	int placed;

	assert_non_null(rules);
	for (size_t i = 0; i < count; i++) {
		rules[i].first_port = rules[i].last_port = (uint16_t)(first + i);
		rules[i].transports = transports;
	}
	placed = v2m_datapath_set_ports(fixture->datapath, rules, count, &error);
	free(rules);
	return placed;
}

static size_t sample_ports(struct fixture *fixture);

/* With the reading that it may take. */
static int set_ports(struct fixture *fixture, uint16_t first, size_t count, unsigned transports)
{
	int placed = set_ports_once(fixture, first, count, transports);

	if (placed != -EBUSY)
		return placed;
	sample_ports(fixture);
	return set_ports_once(fixture, first, count, transports);
}

static size_t sample_ports(struct fixture *fixture)
{
	struct v2m_sample sample = {};
	struct v2m_error error = {};
	size_t count;

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 1; i < sample.n_ports; i++)
		assert_true(sample.ports[i - 1].port < sample.ports[i].port);
	count = sample.n_ports;
	v2m_sample_clear(&sample);
	return count;
}

static void a_port_that_left_is_in_the_next_sample_one_last_time(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_received(fixture, 4);
	assert_int_equal(set_ports(fixture, 1, 0, V2M_UDP), 0);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, 4);
	assert_int_equal(read_port(fixture, PORT).port, 0);
}

static void a_port_that_returns_goes_on_with_its_counter(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_port_sample before;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_received(fixture, 4);
	before = read_port(fixture, PORT);
	set_ports(fixture, 1, 100, V2M_UDP);
	send_seen(fixture, 2);
	assert_int_equal(set_ports(fixture, PORT, 1, V2M_UDP), 1);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 7);
	assert_int_equal(read_port(fixture, PORT).assigned_ns, before.assigned_ns);
}

static void a_port_keeps_its_counter_over_a_restart(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_port_sample before;

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_received(fixture, 4);
	before = read_port(fixture, PORT);
	close_datapath(fixture);
	open_datapath(fixture);
	/* Others first: none of them may get its slot. */
	assert_int_equal(set_ports(fixture, 1, 300, V2M_UDP), 300);
	assert_int_equal(set_ports(fixture, PORT, 1, V2M_UDP), 1);
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, 4);
	assert_int_equal(read_port(fixture, PORT).assigned_ns, before.assigned_ns);
}

static void a_slot_that_changes_hands_starts_at_zero(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_sample sample = {};
	struct v2m_port_sample before;
	struct v2m_error error = {};

	open_and_attach(fixture);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_received(fixture, 4);
	before = read_port(fixture, PORT);
	assert_int_equal(set_ports(fixture, 20000, V2M_MAX_SLOTS, V2M_UDP), V2M_MAX_SLOTS);
	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	assert_int_equal(sample.n_ports, V2M_MAX_SLOTS);
	for (size_t i = 0; i < sample.n_ports; i++) {
		assert_int_equal(sample.ports[i].udp_rx.packets, 0);
		assert_true(sample.ports[i].assigned_ns > before.assigned_ns);
	}
	v2m_sample_clear(&sample);
	/* And back: another use of some slot. */
	assert_int_equal(set_ports(fixture, PORT, 1, V2M_UDP), 1);
	assert_true(read_port(fixture, PORT).assigned_ns > before.assigned_ns);
	net_send(&fixture->net, PORT, 3, DATAGRAM);
	assert_received(fixture, 3);
}

static void a_slot_does_not_change_hands_before_its_last_bytes_are_read(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	assert_int_equal(set_ports(fixture, PORT, V2M_MAX_SLOTS, V2M_UDP), V2M_MAX_SLOTS);
	net_send(&fixture->net, PORT, 4, DATAGRAM);
	assert_int_equal(set_ports_once(fixture, 20000, V2M_MAX_SLOTS, V2M_UDP), -EBUSY);
	assert_int_equal(set_ports_once(fixture, 20000, V2M_MAX_SLOTS, V2M_UDP), -EBUSY);
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, 4);
	assert_int_equal(set_ports_once(fixture, 20000, V2M_MAX_SLOTS, V2M_UDP), V2M_MAX_SLOTS);
	assert_int_equal(sample_ports(fixture), V2M_MAX_SLOTS);
}

static void no_more_ports_are_placed_than_there_are_slots(void **state)
{
	struct fixture *fixture = *state;

	open_datapath(fixture);
	assert_int_equal(set_ports(fixture, 1, V2M_MAX_SLOTS + 100, V2M_TCP), V2M_MAX_SLOTS);
	assert_int_equal(sample_ports(fixture), V2M_MAX_SLOTS);
	assert_int_equal(set_ports(fixture, 1000, V2M_MAX_SLOTS, V2M_TCP), V2M_MAX_SLOTS);
	assert_int_equal(set_ports(fixture, 1000, 10, V2M_TCP), 10);
	sample_ports(fixture);
	assert_int_equal(sample_ports(fixture), 10);
}

static void a_changed_transport_takes_effect(void **state)
{
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	assert_int_equal(set_ports(fixture, PORT, 1, V2M_TCP), 1);
	send_seen(fixture, 3);
	assert_int_equal(set_ports(fixture, PORT, 1, V2M_UDP), 1);
	net_send(&fixture->net, PORT, 2, DATAGRAM);
	assert_received(fixture, 2);
}

static void only_this_hosts_packets_count_on_a_host_only_device(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_local_address addresses[] = {
		{ .address = { 0xfd, 0x09, [15] = 1 } },
		{ .address = { [10] = 0xff, 0xff, 10, 9, 0, 1 } },
	};
	struct v2m_device device = device_v2m0();
	struct v2m_error error = {};

	open_and_attach(fixture);
	device.host_only = true;
	assert_int_equal(v2m_datapath_attach(fixture->datapath, &device, NULL, &error), 0);
	send_seen(fixture, 3);
	assert_int_equal(v2m_datapath_set_addresses(fixture->datapath,
						    (struct v2m_addresses){ addresses, 2 },
						    (struct v2m_addresses){ NULL, 0 }, &error),
			 0);
	send_seen(fixture, 2);
	assert_received(fixture, 2);
	/* The IPv4 address is gone again. */
	assert_int_equal(v2m_datapath_set_addresses(fixture->datapath,
						    (struct v2m_addresses){ addresses, 1 },
						    (struct v2m_addresses){ NULL, 0 }, &error),
			 0);
	send_seen(fixture, 5);
	assert_int_equal(v2m_datapath_set_addresses(fixture->datapath,
						    (struct v2m_addresses){ addresses, 2 },
						    (struct v2m_addresses){ NULL, 0 }, &error),
			 0);
	net_send(&fixture->net, PORT, 1, DATAGRAM);
	assert_received(fixture, 3);
}

static void a_path_that_bpffs_cannot_have_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const struct v2m_datapath_options dotted = { .pin_dir = "/sys/fs/bpf/v2m.test" };
	const struct v2m_datapath_options elsewhere = { .pin_dir = "/tmp" };
	const struct v2m_datapath_options relative = { .pin_dir = "v2m" };
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_open(&dotted, &fixture->datapath, &error), -EPERM);
	assert_non_null(strstr(error.text, "dots"));
	assert_int_equal(v2m_datapath_open(&elsewhere, &fixture->datapath, &error), -EINVAL);
	assert_non_null(strstr(error.text, "bpffs"));
	assert_int_equal(v2m_datapath_open(&relative, &fixture->datapath, &error), -EINVAL);
	assert_null(fixture->datapath);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_port_that_left_is_in_the_next_sample_one_last_time),
		BOTH_WAYS(a_port_that_returns_goes_on_with_its_counter),
		BOTH_WAYS(a_port_keeps_its_counter_over_a_restart),
		BOTH_WAYS(a_slot_that_changes_hands_starts_at_zero),
		BOTH_WAYS(a_slot_does_not_change_hands_before_its_last_bytes_are_read),
		BOTH_WAYS(no_more_ports_are_placed_than_there_are_slots),
		BOTH_WAYS(a_changed_transport_takes_effect),
		BOTH_WAYS(only_this_hosts_packets_count_on_a_host_only_device),
		BOTH_WAYS(a_path_that_bpffs_cannot_have_is_refused),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
