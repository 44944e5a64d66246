/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists of online users and flows for tests. Time is the test's. */
#ifndef V2METER_TESTS_ONLINE_FIXTURE_H
#define V2METER_TESTS_ONLINE_FIXTURE_H

#include "unit/fixture.h"

#include <netinet/in.h>

#include "attribution/connection_owners.h"
#include "attribution/online_owners.h"
#include "base/array.h"

#define SECOND UINT64_C(1000000000)
#define NOW_NS (1000 * SECOND)
#define NOW_S  INT64_C(1795824000)
#define RECENT (NOW_S - 5)
#define FLOWS  4

struct state {
	struct v2m_attributor *attributor;
	struct v2m_online_owners *owners;
	struct v2m_keyset *keyset;
	struct v2m_connection_table *table;
	struct v2m_flow_entry flows[FLOWS];
	size_t n_flows;
	struct v2m_online_plan *plan;
};

static inline void set_keys(struct state *state, const struct key_on *keys, size_t n)
{
	uint32_t *numbers;
	size_t count;

	v2m_keyset_unref(state->keyset);
	state->keyset = keyset_on(keys, n);
	for (size_t i = 0; i < n; i++)
		v2m_key_add_email(&state->keyset->keys[i], keys[i].uuid);
	assert_int_equal(v2m_attributor_set_keys(state->attributor, state->keyset), 0);
	assert_int_equal(v2m_online_owners_set_keys(state->owners, state->keyset), 0);
	v2m_attributor_rules(state->attributor, &count, &numbers);
	for (size_t i = 0; i < count; i++)
		numbers[i] = (uint32_t)i + 1;
}

#define ON_443                                                                                     \
	{                                                                                          \
		{                                                                                  \
			443, 443, V2M_TCP, false, 0, false, false                                  \
		}                                                                                  \
	}

/* alice and bob on port 443. */
static inline int setup(void **context)
{
	static const struct key_on keys[] = { { .uuid = "alice", .spans = ON_443 },
					      { .uuid = "bob", .spans = ON_443 } };
	struct state *state = calloc(1, sizeof(*state));

	state->attributor = v2m_attributor_new();
	state->owners = v2m_online_owners_new(NOW_NS - 20 * SECOND);
	state->table = calloc(1, sizeof(*state->table) + FLOWS * sizeof(struct v2m_connection));
	set_keys(state, keys, 2);
	*context = state;
	return 0;
}

static inline int teardown(void **context)
{
	struct state *state = *context;

	v2m_online_owners_free(state->owners);
	v2m_attributor_free(state->attributor);
	v2m_keyset_unref(state->keyset);
	free(state->table);
	free(state);
	return 0;
}

/* A flow of 192.0.2.HOST, which began so many seconds ago and is open. */
static inline struct v2m_flow_entry *add_flow(struct state *state, uint8_t host, uint64_t age_s)
{
	struct v2m_connection connection = { .family = AF_INET,
					     .local_port = 443,
					     .remote_port = (uint16_t)(5000 + state->n_flows),
					     .remote = { 192, 0, 2, host } };
	struct v2m_flow_entry *flow = &state->flows[state->n_flows++];

	*flow = (struct v2m_flow_entry){ .key = v2m_flow_of_connection(&connection),
					 .state = { .answered = 1,
						    .began_ns = NOW_NS - age_s * SECOND,
						    .tx = { 1, 1066, 1000 } } };
	state->table->connections[state->table->count++] = connection;
	return flow;
}

/* A user at 192.0.2.HOST. */
struct place {
	const char *name;
	uint8_t host;
	int64_t seen_s;
};

/* A list that was asked for so many seconds ago, and answered half a second later. */
static inline void take(struct state *state, uint64_t age_s, const struct place *places, size_t n)
{
	struct v2m_online_list list = { .is_known = true,
					.asked_ns = NOW_NS - age_s * SECOND,
					.answered_ns = NOW_NS - age_s * SECOND + SECOND / 2 };

	for (size_t i = 0; i < n; i++) {
		struct v2m_online_user user = {
			.name = strdup(places[i].name),
			.address = { [10] = 255, 255, 192, 0, 2, places[i].host },
			.seen_s = places[i].seen_s
		};

		assert_int_equal(v2m_array_add(&list.users, user), 0);
	}
	v2m_online_users_sort(&list.users);
	assert_int_equal(v2m_online_owners_take(state->owners, &list), 0);
	v2m_online_list_clear(&list);
}

#define TAKE(state, age_s, ...)                                                                    \
	take(state, age_s, (const struct place[]){ __VA_ARGS__ },                                  \
	     sizeof((const struct place[]){ __VA_ARGS__ }) / sizeof(struct place))

/* Compares by a dump of so many seconds ago. Returns how many labels. */
static inline size_t plan_at(struct state *state, uint64_t age_s)
{
	const uint64_t now_ns = NOW_NS - age_s * SECOND;
	const struct v2m_online_round round = { .attributor = state->attributor,
						.flows = state->flows,
						.n_flows = state->n_flows,
						.table = state->table,
						.now = { now_ns,
							 (NOW_S - (int64_t)age_s) * 1000000 } };

	state->table->mono_ns = now_ns;
	assert_int_equal(v2m_online_owners_plan(state->owners, &round, &state->plan), 0);
	assert_non_null(state->plan);
	return state->plan->labels.count;
}

static inline size_t plan(struct state *state)
{
	return plan_at(state, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
