// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows whose connections have ended are removed, and no others. Time and kernel are this test's.
 */
#include "unit/fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "attribution/connection_owners.h"
#include "attribution/flow_sweep.h"
#include "base/clock.h"
#include "datapath/flows.h"

#define SECOND UINT64_C(1000000000)

/* The flows of the kernel: of the ports 1, 2 and so on. */
#define MAP_SIZE  64
#define FLOWS_MAX (MAP_SIZE / 2 + 1)
static struct v2m_flow_entry flows[FLOWS_MAX];
static size_t n_flows;
static uint64_t now_ns;
static size_t n_removed;

uint64_t v2m_clock_mono_ns(void)
{
	return now_ns;
}

int64_t v2m_clock_real_us(void)
{
	return (int64_t)(now_ns / 1000);
}

int v2m_flows_read(struct v2m_datapath *datapath, bool young, struct v2m_flow_entry **entries,
		   size_t *count)
{
	(void)datapath;
	assert_false(young);
	*entries = malloc((n_flows + 1) * sizeof(**entries));
	memcpy(*entries, flows, n_flows * sizeof(**entries));
	*count = n_flows;
	return 0;
}

int v2m_flows_remove(struct v2m_datapath *datapath, const struct v2m_flow_key *keys, size_t count)
{
	(void)datapath;
	(void)keys;
	n_removed += count;
	return 0;
}

/* A connection of port 443, and its flow. */
static struct v2m_connection connection_of(uint16_t remote_port)
{
	return (struct v2m_connection){ .family = AF_INET,
					.local_port = 443,
					.remote_port = remote_port,
					.remote = { 192, 0, 2, 2 } };
}

static struct v2m_flow_entry entry_of(uint16_t remote_port)
{
	struct v2m_connection connection = connection_of(remote_port);

	return (struct v2m_flow_entry){ .key = v2m_flow_of_connection(&connection),
					.state = { .began_ns = SECOND } };
}

struct sweep {
	struct v2m_flow_sweep *sweep;
	struct v2m_connection_table *table;
};

static int setup(void **state)
{
	struct sweep *made = calloc(1, sizeof(*made));

	made->sweep = v2m_flow_sweep_new(MAP_SIZE);
	made->table = calloc(1, sizeof(*made->table) + 2 * sizeof(struct v2m_connection));
	now_ns = 1000 * SECOND;
	n_removed = 0;
	n_flows = 2;
	for (uint16_t i = 0; i < 2; i++) {
		made->table->connections[i] = connection_of(i + 1);
		flows[i] = entry_of(i + 1);
	}
	*state = made;
	return 0;
}

static int teardown(void **state)
{
	struct sweep *sweep = *state;

	v2m_flow_sweep_free(sweep->sweep);
	free(sweep->table);
	free(sweep);
	return 0;
}

/* Sweeps for so many seconds, with dumps that show the first connections. Returns how many flows
 * were removed; a flow is removed in each sweep anew. */
static size_t sweep_for(struct sweep *sweep, uint64_t seconds, size_t n_connections)
{
	uint64_t end_ns = now_ns + seconds * SECOND;

	n_removed = 0;
	sweep->table->count = n_connections;
	for (; now_ns < end_ns && !n_removed; now_ns += 5 * SECOND) {
		sweep->table->mono_ns = now_ns;
		assert_int_equal(v2m_flow_sweep_run(sweep->sweep, NULL, sweep->table), 0);
	}
	return n_removed;
}

static void a_flow_is_removed_after_its_connection(void **state)
{
	assert_int_equal(sweep_for(*state, 500, 2), 0);
	assert_int_equal(sweep_for(*state, 130, 1), 0);
	assert_int_equal(sweep_for(*state, 30, 1), 1);
}

static void a_new_connection_with_the_same_addresses_is_not_the_old_one(void **state)
{
	assert_int_equal(sweep_for(*state, 10, 2), 0);
	assert_int_equal(sweep_for(*state, 125, 1), 0);
	flows[1].state.began_ns = now_ns;
	assert_int_equal(sweep_for(*state, 100, 1), 0);
}

static void a_port_whose_sockets_are_elsewhere_keeps_its_flows(void **state)
{
	assert_int_equal(sweep_for(*state, 500, 0), 0);
	for (size_t i = 0; i < FLOWS_MAX; i++)
		flows[i] = entry_of((uint16_t)(i + 1));
	n_flows = FLOWS_MAX - 1;
	assert_int_equal(sweep_for(*state, 500, 0), 0);
	/* Until others need their room. */
	n_flows = FLOWS_MAX;
	assert_true(sweep_for(*state, 500, 0) > 0);
}

static void a_dispute_lasts_as_long_as_its_connection(void **state)
{
	struct sweep *sweep = *state;

	flows[1].state.disputed = 1;
	assert_int_equal(sweep_for(sweep, 60, 2), 0);
	assert_true(v2m_flow_sweep_saw_dispute(sweep->sweep));
	assert_int_equal(sweep_for(sweep, 60, 1), 0);
	assert_false(v2m_flow_sweep_saw_dispute(sweep->sweep));
}

static void an_old_dump_removes_nothing(void **state)
{
	struct sweep *sweep = *state;

	assert_int_equal(sweep_for(sweep, 20, 2), 0);
	for (int i = 0; i < 50; i++, now_ns += 10 * SECOND)
		assert_int_equal(v2m_flow_sweep_run(sweep->sweep, NULL, sweep->table), 0);
	assert_int_equal(n_removed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_is_removed_after_its_connection),
		TEST(a_new_connection_with_the_same_addresses_is_not_the_old_one),
		TEST(a_port_whose_sockets_are_elsewhere_keeps_its_flows),
		TEST(a_dispute_lasts_as_long_as_its_connection),
		TEST(an_old_dump_removes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
