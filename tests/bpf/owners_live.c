// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owners of flows that come and go, over restarts too, and ports that begin to be shared. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "datapath.h"
#include "datapath.h"
#include "base/sample.h"
#include "base/transport.h"
#include "datapath/counters.h"
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
		struct v2m_label one = { .flow = flows[i].key, .owner = owner };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_key_that_comes_back_keeps_its_flows_over_a_restart),
		BOTH_WAYS(the_flows_of_an_owner_that_left_are_nobodys),
		BOTH_WAYS(what_a_port_counted_for_one_key_is_moved_to_no_other),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
