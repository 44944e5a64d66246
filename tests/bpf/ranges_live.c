// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Slots that are not single ports: ranges, and a port with a slot for each transport. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath.h"
#include "flood.h"
#include "base/sample.h"
#include "base/transport.h"
#include "datapath/counters.h"
#include "datapath/foreign.h"
#include "datapath/port_slots.h"
#include "datapath/udp_peers.h"

#define BOTH (V2M_TCP | V2M_UDP)

static int set_rules(struct fixture *fixture, const struct v2m_port_rule *rules, size_t count)
{
	struct v2m_error error = {};

	return v2m_datapath_set_ports(fixture->datapath, rules, count, &error);
}

/* Datagrams that all slots have counted together. */
static uint64_t read_all(struct fixture *fixture)
{
	struct v2m_sample sample = {};
	struct v2m_error error = {};
	uint64_t packets = 0;

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 0; i < sample.n_ports; i++)
		packets += sample.ports[i].udp_rx.packets;
	v2m_sample_clear(&sample);
	return packets;
}

/* With a first port and transports; none: all zero. */
static struct v2m_port_sample read_slot(struct fixture *fixture, uint16_t port, unsigned transports)
{
	struct v2m_sample sample = {};
	struct v2m_port_sample found = {};
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 0; i < sample.n_ports; i++)
		if (sample.ports[i].port == port && sample.ports[i].transports == transports)
			found = sample.ports[i];
	v2m_sample_clear(&sample);
	return found;
}

static void a_range_of_30000_ports_takes_one_slot(void **state)
{
	const struct v2m_port_rule rule = { 10000, 39999, V2M_UDP, false, false };
	struct fixture *fixture = *state;
	struct v2m_sample sample = {};
	struct v2m_error error = {};

	open_and_attach(fixture);
	assert_int_equal(set_rules(fixture, &rule, 1), 1);
	read_all(fixture);
	send_to_seen(fixture, 10000, 2);
	send_to_seen(fixture, 25000, 3);
	send_to_seen(fixture, 39999, 4);
	send_to_seen(fixture, 9999, 5);
	send_to_seen(fixture, 40000, 6);
	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	assert_int_equal(sample.n_ports, 1);
	assert_int_equal(sample.ports[0].port, 10000);
	assert_int_equal(sample.ports[0].last_port, 39999);
	assert_int_equal(sample.ports[0].transports, V2M_UDP);
	assert_int_equal(sample.ports[0].udp_rx.packets, 9);
	assert_int_equal(sample.ports[0].udp_rx.wire_bytes, 9 * DATAGRAM_WIRE);
	v2m_sample_clear(&sample);
}

static void a_single_port_wins_over_a_range_around_it(void **state)
{
	const struct v2m_port_rule rules[] = {
		{ PORT - 10, PORT + 10, BOTH, false, false },
		{ PORT, PORT, V2M_UDP, false, false },
		{ PORT + 1, PORT + 1, V2M_TCP, false, false },
	};
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	assert_int_equal(set_rules(fixture, rules, 3), 3);
	send_to_seen(fixture, PORT, 3);
	/* Its TCP alone has a slot of its own. */
	send_to_seen(fixture, PORT + 1, 4);
	assert_int_equal(read_slot(fixture, PORT, V2M_UDP).udp_rx.packets, 3);
	assert_int_equal(read_slot(fixture, PORT + 1, V2M_TCP).udp_rx.packets, 0);
	assert_int_equal(read_slot(fixture, PORT - 10, BOTH).udp_rx.packets, 4);
}

static void of_two_ranges_the_earlier_one_in_the_list_wins(void **state)
{
	const struct v2m_port_rule rules[] = {
		{ PORT, PORT + 20, V2M_UDP, false, false },
		{ PORT - 20, PORT + 10, V2M_UDP, false, false },
	};
	struct fixture *fixture = *state;

	open_and_attach(fixture);
	assert_int_equal(set_rules(fixture, rules, 2), 2);
	send_to_seen(fixture, PORT + 5, 3);
	send_to_seen(fixture, PORT - 5, 4);
	assert_int_equal(read_slot(fixture, PORT, V2M_UDP).udp_rx.packets, 3);
	assert_int_equal(read_slot(fixture, PORT - 20, V2M_UDP).udp_rx.packets, 4);
}

static void a_port_has_a_slot_for_each_transport(void **state)
{
	const struct v2m_port_rule rules[] = {
		{ PORT, PORT, V2M_TCP, false, false },
		{ PORT, PORT, V2M_UDP, false, false },
	};
	struct fixture *fixture = *state;
	struct v2m_port_sample tcp;
	struct v2m_port_sample udp;

	open_and_attach(fixture);
	assert_int_equal(set_rules(fixture, rules, 2), 2);
	send_to_seen(fixture, PORT, 3);
	tcp = read_slot(fixture, PORT, V2M_TCP);
	udp = read_slot(fixture, PORT, V2M_UDP);
	assert_int_equal(udp.udp_rx.packets, 3);
	assert_int_equal(tcp.udp_rx.packets, 0);
	assert_int_not_equal(tcp.slot, udp.slot);
}

/* The slot of both goes to one of them, with its counter; joined again, one of the two goes on. */
static void a_rule_keeps_a_slot_of_a_transport_in_common(void **state)
{
	const struct v2m_port_rule both = { PORT, PORT, BOTH, false, false };
	const struct v2m_port_rule apart[] = {
		{ PORT, PORT, V2M_UDP, false, false },
		{ PORT, PORT, V2M_TCP, false, false },
	};
	struct fixture *fixture = *state;
	struct v2m_port_sample before;
	struct v2m_port_sample after;

	open_and_attach(fixture);
	send_to_seen(fixture, PORT, 3);
	before = read_slot(fixture, PORT, BOTH);
	assert_int_equal(set_rules(fixture, apart, 2), 2);
	send_to_seen(fixture, PORT, 4);
	after = read_slot(fixture, PORT, V2M_UDP);
	assert_int_equal(after.slot, before.slot);
	assert_int_equal(after.assigned_ns, before.assigned_ns);
	assert_int_equal(after.udp_rx.packets, 7);
	assert_int_not_equal(read_slot(fixture, PORT, V2M_TCP).slot, before.slot);
	close_datapath(fixture);
	open_datapath(fixture);
	attach(fixture);
	assert_int_equal(set_rules(fixture, &both, 1), 1);
	send_to_seen(fixture, PORT, 5);
	assert_int_equal(read_slot(fixture, PORT, BOTH).udp_rx.packets, 12);
}

static void a_port_that_changes_its_slot_is_counted_all_along(void **state)
{
	const struct v2m_port_rule rules[][2] = {
		{ { 10000, 39999, V2M_UDP, false, false }, { PORT, PORT, V2M_UDP, false, false } },
		{ { 10000, 39999, V2M_UDP, false, false }, { 9, 9, V2M_UDP, false, false } },
		{ { 10000, 19999, BOTH, false, false }, { 20000, 39999, BOTH, false, false } },
	};
	struct fixture *fixture = *state;
	uint64_t counted = 0;
	uint64_t sent;

	open_and_attach(fixture);
	flood_begin(&fixture->net, PORT, DATAGRAM);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(set_rules(fixture, rules[i % 3], 2), 2);
		read_all(fixture);
	}
	sent = flood_end();
	/* All rules at once: every slot that was ever used is reported. */
	{
		const struct v2m_port_rule all[] = {
			rules[0][0], rules[0][1], rules[2][0], rules[2][1], rules[1][1],
		};

		assert_int_equal(set_rules(fixture, all, 5), 5);
	}
	for (int tries = 0; tries < 500 && counted < sent; tries++)
		counted = read_all(fixture);
	assert_int_equal(counted, sent);
}

static void single_ports_are_placed_before_ranges(void **state)
{
	struct v2m_port_rule *rules = calloc(V2M_MAX_SLOTS + 2, sizeof(*rules));
	struct fixture *fixture = *state;

	assert_non_null(rules);
	open_and_attach(fixture);
	rules[0] = (struct v2m_port_rule){ 50000, 60000, BOTH, false, false };
	for (int i = 1; i <= V2M_MAX_SLOTS + 1; i++)
		rules[i] = (struct v2m_port_rule){ (uint16_t)(PORT + i), (uint16_t)(PORT + i), BOTH,
						   false, false };
	assert_int_equal(set_rules(fixture, rules, V2M_MAX_SLOTS), -EBUSY);
	read_all(fixture);
	assert_int_equal(set_rules(fixture, rules, V2M_MAX_SLOTS), V2M_MAX_SLOTS);
	assert_int_equal(read_slot(fixture, 50000, BOTH).last_port, 60000);
	/* One single port more: the range has to go. */
	assert_int_equal(set_rules(fixture, rules, V2M_MAX_SLOTS + 1), -EBUSY);
	read_all(fixture);
	assert_int_equal(set_rules(fixture, rules, V2M_MAX_SLOTS + 1), V2M_MAX_SLOTS);
	assert_int_equal(read_slot(fixture, 50000, BOTH).last_port, 0);
	assert_int_equal(read_slot(fixture, PORT + V2M_MAX_SLOTS, BOTH).last_port,
			 PORT + V2M_MAX_SLOTS);
	free(rules);
}

static void a_rule_without_ports_is_refused(void **state)
{
	const struct v2m_port_rule rules[] = {
		{ PORT, PORT - 1, BOTH, false, false },
		{ 0, 9, BOTH, false, false },
	};
	struct fixture *fixture = *state;

	open_datapath(fixture);
	assert_int_equal(set_rules(fixture, &rules[0], 1), -EINVAL);
	assert_int_equal(set_rules(fixture, &rules[1], 1), -EINVAL);
}

/* From a socket that asks for its port, as a server does. */
static void send_from(uint16_t port, uint16_t remote_port)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(remote_port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, "10.9.0.2", &to.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	close(fd);
}

static void a_udp_peer_has_its_port_and_the_slot_of_the_range(void **state)
{
	const struct v2m_port_rule rules[] = {
		{ 9, 9, BOTH, false, false },
		{ 1, 65535, V2M_UDP, false, false },
	};
	struct fixture *fixture = *state;
	struct v2m_peer *peers = NULL;
	size_t n_peers = 0;

	open_and_attach(fixture);
	assert_int_equal(set_rules(fixture, rules, 2), 2);
	send_from(5555, 4444);
	assert_int_equal(v2m_datapath_udp_peers(fixture->datapath, 0, &peers, &n_peers), 0);
	assert_int_equal(n_peers, 1);
	assert_int_equal(peers[0].remote_port, 4444);
	assert_int_equal(peers[0].port, 5555);
	assert_int_equal(peers[0].slot_port, 1);
	free(peers);
	/* Nobody counts the port any more. */
	assert_int_equal(set_rules(fixture, rules, 1), 1);
	assert_int_equal(v2m_datapath_udp_peers(fixture->datapath, 0, &peers, &n_peers), 0);
	assert_int_equal(n_peers, 0);
	free(peers);
}

/* The port moves from a slot of its own to that of a range. */
static void a_foreign_flow_stays_foreign_in_another_slot(void **state)
{
	const struct v2m_port_rule single = { PORT, PORT, BOTH, false, false };
	const struct v2m_port_rule range = { PORT - 1, PORT + 1, BOTH, false, false };
	struct v2m_foreign_flow flow = {
		.local = { [10] = 0xff, 0xff, 10, 9, 0, 1 },
		.remote = { [10] = 0xff, 0xff, 10, 9, 0, 2 },
		.port = PORT,
		.remote_port = 4444,
		.protocol = IPPROTO_UDP,
	};
	const struct v2m_foreign_flows flows = { &flow, 1, 1 };
	struct fixture *fixture = *state;
	struct v2m_error error = {};

	open_and_attach(fixture);
	net_enter(fixture->net.there);
	assert_int_equal(command("sysctl -qw net.ipv4.ip_local_port_range='4444 4444'"), 0);
	net_enter(fixture->net.here);
	assert_int_equal(set_rules(fixture, &single, 1), 1);
	send_to_seen(fixture, PORT, 1);
	assert_int_equal(v2m_foreign_add(fixture->datapath, &flows, &error), 0);
	send_to_seen(fixture, PORT, 2);
	assert_int_equal(read_slot(fixture, PORT, BOTH).udp_rx.packets, 1);
	assert_int_equal(set_rules(fixture, &range, 1), 1);
	send_to_seen(fixture, PORT, 3);
	send_to_seen(fixture, PORT + 1, 4);
	assert_int_equal(read_slot(fixture, PORT - 1, BOTH).udp_rx.packets, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_range_of_30000_ports_takes_one_slot),
		BOTH_WAYS(a_single_port_wins_over_a_range_around_it),
		BOTH_WAYS(of_two_ranges_the_earlier_one_in_the_list_wins),
		BOTH_WAYS(a_port_has_a_slot_for_each_transport),
		BOTH_WAYS(a_rule_keeps_a_slot_of_a_transport_in_common),
		BOTH_WAYS(a_port_that_changes_its_slot_is_counted_all_along),
		BOTH_WAYS(single_ports_are_placed_before_ranges),
		BOTH_WAYS(a_rule_without_ports_is_refused),
		BOTH_WAYS(a_udp_peer_has_its_port_and_the_slot_of_the_range),
		BOTH_WAYS(a_foreign_flow_stays_foreign_in_another_slot),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
