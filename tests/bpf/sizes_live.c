// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps of flows and owners of any size, and restarts with another one. */
#include "owners.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include "datapath/sizes.h"

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

/* Opens the datapath, sends from so many clients, and gives the flows owners. So many find room. */
static void open_with_flows(struct fixture *fixture, unsigned clients, unsigned labelled,
			    uint32_t owners[2])
{
	size_t refused;

	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_owners(fixture, owners, 2, names), 2);
	send_from_many(fixture, clients);
	assert_int_equal(label_all(fixture, owners, &refused), labelled);
	assert_int_equal(refused, clients - labelled);
}

static void what_finds_no_room_in_a_map_of_any_size_is_the_ports_alone(void **state)
{
	struct fixture *fixture = *state;
	uint32_t owners[2];

	fixture->flows_max = 64;
	open_with_flows(fixture, 100, 64, owners);
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
	open_with_flows(fixture, 100, 64, owners);
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

	open_with_flows(fixture, 10, 10, owners);
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

/* The same with room for so many users. */
static void make_room(struct fixture *fixture, uint32_t users_max, const uint32_t owners[2])
{
	fixture->users_max = users_max;
	resize(fixture, fixture->flows_max, owners);
}

static uint32_t owners_in_kernel(const struct fixture *fixture)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int map = v2m_owners_maps(fixture->datapath).sessions;

	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	return info.max_entries;
}

static void room_for_more_users_keeps_all_figures(void **state)
{
	struct fixture *fixture = *state;
	uint64_t created_ns;
	uint32_t owners[2];

	open_with_flows(fixture, 10, 10, owners);
	assert_int_equal(owners_in_kernel(fixture), V2M_MAX_OWNERS);
	send_from_many(fixture, 10);
	created_ns = v2m_datapath_created_ns(fixture->datapath);
	/* Each of the sizes: the counters of the CPUs and of the labels keep their places. */
	for (uint32_t users = 2047; users <= 65535; users = users * 4 + 3) {
		uint64_t before = read_owners(fixture);

		make_room(fixture, users, owners);
		assert_int_equal(owners_in_kernel(fixture), users + 1);
		assert_true(v2m_datapath_created_ns(fixture->datapath) == created_ns);
		assert_int_equal(read_owners(fixture), before);
		assert_int_equal(owned_flows(fixture), 10);
		send_from_many(fixture, 10);
		assert_int_equal(read_owners(fixture), before + 10);
		assert_true(v2m_flow_size_was_changed(fixture->datapath));
		v2m_flow_size_forget(fixture->datapath);
		assert_false(v2m_flow_size_was_changed(fixture->datapath));
	}
	assert_int_equal(read_port(fixture, PORT).udp_rx.packets, read_owners(fixture));
}

#define MANY 2100

/* Returns how many of MANY users have an owner. */
static uint32_t set_many(struct fixture *fixture)
{
	static struct v2m_owner_rule rules[MANY];
	static uint32_t owners[MANY];
	struct v2m_error error = {};
	uint32_t found = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		rules[i] = (struct v2m_owner_rule){ .first_port = PORT, .protocol = IPPROTO_UDP };
		snprintf(rules[i].key, sizeof(rules[i].key), "user%u", i);
	}
	assert_true(v2m_owners_set(fixture->datapath, rules, MANY, owners, &error) >= 0);
	for (uint32_t i = 0; i < MANY; i++)
		found += owners[i] != V2M_NO_OWNER;
	return found;
}

static void no_user_loses_its_figures_to_a_smaller_size(void **state)
{
	struct fixture *fixture = *state;

	fixture->users_max = 2000;
	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_many(fixture), 2047);
	close_datapath(fixture);
	fixture->users_max = MANY;
	open_and_attach(fixture);
	share(fixture, true);
	assert_int_equal(set_many(fixture), MANY);
	close_datapath(fixture);
	fixture->users_max = 2000;
	open_and_attach(fixture);
	assert_int_equal(owners_in_kernel(fixture), 4096);
	share(fixture, true);
	assert_int_equal(set_many(fixture), MANY);
}

static const char *const owner_maps[] = { "owner_counters", "owner_sessions", "owners" };

/* As a process leaves the pins that is killed before the first, the second or the last new map has
 * the name of the old one, or before the last is pinned (0). */
static void interrupt(struct fixture *fixture, int old[3], int renamed)
{
	char path[256];
	char new_path[256];

	for (int i = 0; i < 3; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s_new", owner_maps[i]);
		pin_path(fixture, owner_maps[i], path);
		pin_path(fixture, name, new_path);
		if (renamed && i < renamed - 1)
			continue;
		if (renamed || i < 2)
			assert_int_equal(rename(path, new_path), 0);
		else
			assert_int_equal(unlink(path), 0);
		assert_int_equal(bpf_obj_pin(old[i], path), 0);
	}
}

static void room_that_was_being_made_is_made_after_a_kill(void **state)
{
	struct fixture *fixture = *state;
	uint32_t owners[2];

	open_with_flows(fixture, 10, 10, owners);
	for (int renamed = 0; renamed <= 3; renamed++) {
		int old[3];
		char path[256];

		for (int i = 0; i < 3; i++) {
			pin_path(fixture, owner_maps[i], path);
			old[i] = bpf_obj_get(path);
			assert_true(old[i] >= 0);
		}
		make_room(fixture, renamed % 2 ? 2047 : 4095, owners);
		close_datapath(fixture);
		interrupt(fixture, old, renamed);
		for (int i = 0; i < 3; i++)
			close(old[i]);
		make_room(fixture, fixture->users_max, owners);
		assert_int_equal(owners_in_kernel(fixture), fixture->users_max + 1);
		assert_int_equal(read_owners(fixture), 10);
		assert_true(v2m_flow_size_was_changed(fixture->datapath));
		pin_path(fixture, "owners_new", path);
		assert_int_not_equal(access(path, F_OK), 0);
	}
	send_from_many(fixture, 10);
	assert_int_equal(read_owners(fixture), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(what_finds_no_room_in_a_map_of_any_size_is_the_ports_alone),
		BOTH_WAYS(a_restart_with_another_size_keeps_all_figures),
		BOTH_WAYS(a_change_of_the_size_that_was_interrupted_is_made_again),
		BOTH_WAYS(room_for_more_users_keeps_all_figures),
		BOTH_WAYS(no_user_loses_its_figures_to_a_smaller_size),
		BOTH_WAYS(room_that_was_being_made_is_made_after_a_kill),
	};

	return not_permitted() ? SKIPPED : cmocka_run_group_tests(tests, NULL, NULL);
}
