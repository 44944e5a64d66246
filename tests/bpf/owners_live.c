// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Owners of flows that come and go, over restarts too, and ports that begin to be shared. */
#include "owners.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(a_key_that_comes_back_keeps_its_flows_over_a_restart),
		BOTH_WAYS(the_flows_of_an_owner_that_left_are_nobodys),
		BOTH_WAYS(what_a_port_counted_for_one_key_is_moved_to_no_other),
		BOTH_WAYS(a_label_for_a_flow_that_has_ended_is_not_the_next_ones),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
