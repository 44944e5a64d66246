// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owners of flows that come and go, over restarts too, and ports that begin to be shared. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath.h"
#include "base/sample.h"
#include "base/transport.h"
#include "datapath/counters.h"
#include "datapath/flow_size.h"
#include "datapath/flows.h"
#include "datapath/owners.h"
#include "datapath/port_slots.h"

/* Monitors PORT for several keys, or for one. */
static void share(struct fixture *fixture, bool shared)
{
	const struct v2m_port_rule rule = { .first_port = PORT,
					    .last_port = PORT,
					    .transports = V2M_TCP | V2M_UDP,
					    .shared = shared };
	struct v2m_error error = {};

	assert_int_equal(v2m_datapath_set_ports(fixture->datapath, &rule, 1, &error), 1);
}

/* Makes these the owners, and returns how many are new. */
static int set_owners(struct fixture *fixture, uint32_t *owners, size_t count,
		      const char *const *names)
{
	struct v2m_owner_rule rules[4] = {};
	struct v2m_error error = {};

	for (size_t i = 0; i < count; i++) {
		rules[i].first_port = PORT;
		rules[i].protocol = IPPROTO_UDP;
		strcpy(rules[i].key, names[i]);
	}
	return v2m_owners_set(fixture->datapath, rules, count, owners, &error);
}

static const char *const names[] = { "alice", "bob" };

/* Labels the flow of the client. Returns whether there is one. */
static bool label(struct fixture *fixture, uint32_t owner)
{
	struct v2m_flow_entry *flows;
	struct v2m_error error = {};
	bool found = false;
	size_t count;

	assert_int_equal(v2m_flows_read(fixture->datapath, true, &flows, &count), 0);
	for (size_t i = 0; i < count; i++) {
		struct v2m_label one = { .flow = flows[i].key,
					 .owner = owner,
					 .began_ns = flows[i].state.began_ns };

		assert_int_equal(v2m_flows_label(fixture->datapath, &one, 1, &error), 0);
		assert_int_equal(one.result, V2M_LABEL_DONE);
		found = true;
	}
	free(flows);
	return found;
}

/* The datagrams of an owner that has that name, in a sample. */
static uint64_t read_owner(struct fixture *fixture, const char *name)
{
	struct v2m_sample sample = {};
	struct v2m_error error = {};
	uint64_t packets = 0;

	assert_int_equal(v2m_datapath_read(fixture->datapath, &sample, &error), 0);
	for (size_t i = 0; i < sample.n_owners; i++)
		if (strcmp(sample.owners[i].key, name) == 0)
			packets += sample.owners[i].rx.packets;
	v2m_sample_clear(&sample);
	return packets;
}

static void send_all(struct fixture *fixture, unsigned count)
{
	uint64_t before = read_port(fixture, PORT).udp_rx.packets;

	net_send(&fixture->net, PORT, count, DATAGRAM);
	assert_received(fixture, before + count);
}

static void a_key_that_comes_back_keeps_its_flows_over_a_restart(void **state)
{
	struct fixture *fixture = *state;
	uint32_t owners[2];
	uint32_t after[2];

	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	assert_int_equal(set_owners(fixture, owners, 2, names), 0);
	/* alice leaves, and comes back. */
	assert_int_equal(set_owners(fixture, owners + 1, 1, names + 1), 0);
	read_owner(fixture, "alice");
	assert_int_equal(set_owners(fixture, owners, 2, names), 1);
	send_all(fixture, 3);
	assert_true(label(fixture, owners[0]));
	close_datapath(fixture);
	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, after, 2, names), 0);
	assert_int_equal(after[0], owners[0]);
	assert_int_equal(read_owner(fixture, "alice"), 3);
	assert_int_equal(read_owner(fixture, "bob"), 0);
}

static void the_flows_of_an_owner_that_left_are_nobodys(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_flow_entry *flows;
	uint32_t owners[2];
	size_t count;

	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	send_all(fixture, 2);
	assert_true(label(fixture, owners[0]));
	assert_int_equal(set_owners(fixture, owners + 1, 1, names + 1), 0);
	assert_int_equal(v2m_flows_read(fixture->datapath, false, &flows, &count), 0);
	free(flows);
	assert_int_equal(count, 0);
	assert_int_equal(read_owner(fixture, "alice"), 2);
	/* It is read one last time. */
	assert_int_equal(read_owner(fixture, "alice"), 0);
}

static void what_a_port_counted_for_one_key_is_moved_to_no_other(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};
	uint32_t owners[2];

	open_and_attach(fixture);
	assert_int_equal(v2m_flows_leave_begun(fixture->datapath, &error), 0);
	send_all(fixture, 1);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	/* The last sample with the old keys gives these to the key that had the port alone. */
	send_all(fixture, 4);
	assert_int_equal(v2m_flows_leave_begun(fixture->datapath, &error), 1);
	assert_int_equal(v2m_flows_leave_begun(fixture->datapath, &error), 0);
	assert_true(label(fixture, owners[1]));
	assert_int_equal(read_owner(fixture, "bob"), 0);
	/* A port that is shared already, and one that was not counted, begin nothing. */
	share(fixture, true);
	assert_int_equal(v2m_flows_leave_begun(fixture->datapath, &error), 0);
}

/* Gives each flow that has none an owner: alice, or bob if the flow's remote port is odd. Returns
 * how many got one, and how many the kernel has no room for. */
static size_t label_all(struct fixture *fixture, const uint32_t owners[2], size_t *refused)
{
	struct v2m_flow_entry *flows;
	struct v2m_error error = {};
	size_t labelled = 0;
	size_t count;

	*refused = 0;
	assert_int_equal(v2m_flows_read(fixture->datapath, true, &flows, &count), 0);
	for (size_t i = 0; i < count; i++) {
		struct v2m_label one = { .flow = flows[i].key,
					 .owner = owners[flows[i].key.remote_port % 2],
					 .began_ns = flows[i].state.began_ns };

		if (flows[i].state.owner != V2M_NO_OWNER)
			continue;
		assert_int_equal(v2m_flows_label(fixture->datapath, &one, 1, &error), 0);
		labelled += one.result == V2M_LABEL_DONE;
		*refused += one.result == V2M_LABEL_FULL;
	}
	free(flows);
	return labelled;
}

/* The race is forced: the key goes to a new flow between the reading and the label. */
static void a_label_for_a_flow_that_has_ended_is_not_the_next_ones(void **state)
{
	struct fixture *fixture = *state;
	struct v2m_error error = {};
	struct v2m_flow_entry *flows;
	struct v2m_label one;
	uint32_t owners[2];
	size_t count;

	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	net_send_from(&fixture->net, 5000, PORT, DATAGRAM);
	assert_received(fixture, 1);
	assert_true(label(fixture, owners[0]));
	assert_int_equal(v2m_flows_read(fixture->datapath, true, &flows, &count), 0);
	assert_int_equal(count, 1);
	one = (struct v2m_label){ .flow = flows->key,
				  .owner = owners[1],
				  .began_ns = flows->state.began_ns };
	assert_int_equal(v2m_flows_remove(fixture->datapath, &flows->key, 1), 0);
	net_send_from(&fixture->net, 5000, PORT, DATAGRAM);
	assert_received(fixture, 2);
	assert_int_equal(v2m_flows_label(fixture->datapath, &one, 1, &error), 0);
	assert_int_equal(one.result, V2M_LABEL_UNKNOWN);
	free(flows);
	/* The new flow has its bytes still. */
	assert_true(label(fixture, owners[0]));
	assert_int_equal(read_owner(fixture, "alice"), 2);
	assert_int_equal(read_owner(fixture, "bob"), 0);
}

/* Opens the datapath with another size, as the next process does, and finds the owners again. */
static void resize(struct fixture *fixture, uint32_t flows_max, const uint32_t owners[2])
{
	uint32_t after[2];

	close_datapath(fixture);
	fixture->flows_max = flows_max;
	open_datapath(fixture);
	share(fixture, true);
	attach(fixture);
	assert_int_equal(set_owners(fixture, after, 2, names), 0);
	assert_memory_equal(after, owners, sizeof(after));
}

static size_t owned_flows(struct fixture *fixture)
{
	struct v2m_flow_entry *flows;
	size_t owned = 0;
	size_t count;

	assert_int_equal(v2m_flows_read(fixture->datapath, false, &flows, &count), 0);
	for (size_t i = 0; i < count; i++)
		owned += flows[i].state.owner != V2M_NO_OWNER;
	free(flows);
	return owned;
}

static uint64_t read_owners(struct fixture *fixture)
{
	return read_owner(fixture, "alice") + read_owner(fixture, "bob");
}

/* A client of one datagram each: a flow. */
static void send_from_many(struct fixture *fixture, unsigned clients)
{
	uint64_t before = read_port(fixture, PORT).udp_rx.packets;

	for (unsigned i = 0; i < clients; i++)
		net_send_from(&fixture->net, (uint16_t)(20000 + i), PORT, DATAGRAM);
	assert_received(fixture, before + clients);
}

static void what_finds_no_room_in_a_map_of_any_size_is_the_ports_alone(void **state)
{
	struct fixture *fixture = *state;
	uint32_t owners[2];
	size_t refused;

	fixture->flows_max = 64;
	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	send_from_many(fixture, 100);
	assert_int_equal(label_all(fixture, owners, &refused), 64);
	assert_int_equal(refused, 36);
	assert_int_equal(read_owners(fixture), 64);
	send_from_many(fixture, 100);
	assert_int_equal(read_owners(fixture), 128);
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, 200);
	assert_int_equal(read_port(fixture, PORT).udp_rx.wire_bytes, 200 * DATAGRAM_WIRE);
	assert_false(v2m_flow_size_was_changed(fixture->datapath));
}

static void a_restart_with_another_size_keeps_all_figures(void **state)
{
	struct fixture *fixture = *state;
	uint64_t created_ns;
	uint32_t owners[2];
	size_t refused;

	fixture->flows_max = 64;
	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	send_from_many(fixture, 100);
	assert_int_equal(label_all(fixture, owners, &refused), 64);
	created_ns = v2m_datapath_created_ns(fixture->datapath);
	/* Larger: the flows go on with their owners, and the others find room. */
	resize(fixture, 128, owners);
	assert_true(v2m_datapath_created_ns(fixture->datapath) == created_ns);
	assert_int_equal(owned_flows(fixture), 64);
	assert_int_equal(read_owners(fixture), 64);
	send_from_many(fixture, 100);
	assert_int_equal(read_owners(fixture), 128);
	assert_int_equal(label_all(fixture, owners, &refused), 36);
	assert_int_equal(refused, 0);
	/* With what they had counted before they found room. */
	assert_int_equal(read_owners(fixture), 200);
	/* Until that is noted, each start says that the size was changed. */
	assert_true(v2m_flow_size_was_changed(fixture->datapath));
	resize(fixture, 128, owners);
	assert_true(v2m_flow_size_was_changed(fixture->datapath));
	v2m_flow_size_forget(fixture->datapath);
	resize(fixture, 128, owners);
	assert_false(v2m_flow_size_was_changed(fixture->datapath));
	/* Smaller: what owners have stays theirs. */
	resize(fixture, 70, owners);
	assert_true(v2m_flow_size_was_changed(fixture->datapath));
	assert_int_equal(owned_flows(fixture), 70);
	assert_int_equal(read_owners(fixture), 200);
	send_from_many(fixture, 100);
	assert_int_equal(read_owners(fixture), 270);
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, 300);
}

static void a_change_of_the_size_that_was_interrupted_is_made_again(void **state)
{
	struct fixture *fixture = *state;
	char from[256];
	char to[256];
	uint32_t owners[2];
	size_t refused;

	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	send_from_many(fixture, 10);
	assert_int_equal(label_all(fixture, owners, &refused), 10);
	/* The old map was moved, and the new one has no pin yet. */
	pin_path(fixture, "flows", from);
	pin_path(fixture, "flows_before", to);
	assert_int_equal(rename(from, to), 0);
	resize(fixture, 64, owners);
	assert_true(v2m_flow_size_was_changed(fixture->datapath));
	assert_int_equal(owned_flows(fixture), 10);
	send_from_many(fixture, 10);
	assert_int_equal(read_owners(fixture), 20);
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_key_that_comes_back_keeps_its_flows_over_a_restart),
		BOTH_WAYS(the_flows_of_an_owner_that_left_are_nobodys),
		BOTH_WAYS(what_a_port_counted_for_one_key_is_moved_to_no_other),
		BOTH_WAYS(a_label_for_a_flow_that_has_ended_is_not_the_next_ones),
		BOTH_WAYS(what_finds_no_room_in_a_map_of_any_size_is_the_ports_alone),
		BOTH_WAYS(a_restart_with_another_size_keeps_all_figures),
		BOTH_WAYS(a_change_of_the_size_that_was_interrupted_is_made_again),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
