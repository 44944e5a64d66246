// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lists of online users find the owners of flows. Time is this test's. */
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

static void set_keys(struct state *state, const struct key_on *keys, size_t n)
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
static int setup(void **context)
{
	static const struct key_on keys[] = { { .uuid = "alice", .spans = ON_443 },
					      { .uuid = "bob", .spans = ON_443 } };
	struct state *state = calloc(1, sizeof(*state));

	state->attributor = v2m_attributor_new();
	state->owners = v2m_online_owners_new();
	state->table = calloc(1, sizeof(*state->table) + FLOWS * sizeof(struct v2m_connection));
	set_keys(state, keys, 2);
	*context = state;
	return 0;
}

static int teardown(void **context)
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
static struct v2m_flow_entry *add_flow(struct state *state, uint8_t host, uint64_t age_s)
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
static void take(struct state *state, uint64_t age_s, const struct place *places, size_t n)
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

/* Compares by a dump of now. Returns how many labels. */
static size_t plan(struct state *state)
{
	const struct v2m_online_round round = { .attributor = state->attributor,
						.flows = state->flows,
						.n_flows = state->n_flows,
						.table = state->table,
						.now = { NOW_NS, NOW_S * 1000000 } };

	state->table->mono_ns = NOW_NS;
	assert_int_equal(v2m_online_owners_plan(state->owners, &round, &state->plan), 0);
	assert_non_null(state->plan);
	return state->plan->labels.count;
}

static void who_alone_has_an_address_owns_its_open_flow(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 6);
	add_flow(state, 3, 6);
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, RECENT }, { "bob", 3, RECENT });
	assert_int_equal(plan(state), 2);
	assert_int_equal(state->plan->labels.items[0].owner, 1);
	assert_int_equal(state->plan->labels.items[1].owner, 2);
	assert_int_equal(state->plan->labels.items[1].flow.remote_port, 5001);
	assert_false(state->plan->has_shared_address);
	assert_int_equal(state->plan->disputes.count, 0);
	/* A list is compared once. */
	assert_false(v2m_online_owners_plan_is_due(state->owners, state->table));
}

static void a_dump_that_is_older_than_the_list_shows_nothing(void **context)
{
	struct state *state = *context;

	TAKE(state, 4, { "alice", 2, RECENT });
	state->table->mono_ns = NOW_NS - 4 * SECOND;
	assert_false(v2m_online_owners_plan_is_due(state->owners, state->table));
	assert_false(v2m_online_owners_plan_is_due(state->owners, NULL));
	state->table->mono_ns = NOW_NS;
	assert_true(v2m_online_owners_plan_is_due(state->owners, state->table));
}

/* The first list, lists after a pause, a flow that began before the address was seen to be free or
 * after the question, a request that is older, a connection that has ended. */
static void what_a_list_does_not_prove_has_no_owner(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 6);
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 0);
	take(state, 3, NULL, 0);
	TAKE(state, 2, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 0);
	add_flow(state, 3, 1);
	TAKE(state, 1, { "bob", 3, NOW_S });
	assert_int_equal(plan(state), 0);
	state->n_flows = 0;
	state->table->count = 0;
	add_flow(state, 4, 20);
	take(state, 30, NULL, 0);
	TAKE(state, 14, { "bob", 4, NOW_S - 19 });
	assert_int_equal(plan(state), 0);
}

/* It was open before the programs were there, so its first packet that they saw is not its first.
 */
static void a_flow_whose_handshake_was_not_seen_has_no_owner(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 6)->state.answered = 0;
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, INT64_MAX });
	assert_int_equal(plan(state), 0);
	state->flows[0].state.answered = 1;
	TAKE(state, 3, { "alice", 2, INT64_MAX });
	assert_int_equal(plan(state), 1);
}

/* The list of so many addresses from 10.0.0.0 on, or behind them. */
static void take_many(struct state *state, uint64_t age_s, uint32_t first, uint32_t count)
{
	struct v2m_online_list list = { .is_known = true,
					.asked_ns = NOW_NS - age_s * SECOND,
					.answered_ns = NOW_NS - age_s * SECOND };

	for (uint32_t i = first; i < first + count; i++) {
		struct v2m_online_user user = { .name = strdup("bob"),
						.address = { [10] = 255,
							     255,
							     10,
							     (uint8_t)(i >> 16),
							     (uint8_t)(i >> 8),
							     (uint8_t)i } };

		assert_int_equal(v2m_array_add(&list.users, user), 0);
	}
	assert_int_equal(v2m_online_owners_take(state->owners, &list), 0);
	v2m_online_list_clear(&list);
}

/* Alice's address is one of many that come and go, and what began while it was away is nobody's. */
static void of_very_many_addresses_only_the_last_are_remembered(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 13);
	TAKE(state, 16, { "alice", 2, NOW_S - 16 });
	take_many(state, 12, 0, 100);
	TAKE(state, 8, { "alice", 2, NOW_S - 8 });
	assert_int_equal(plan(state), 1);
	take_many(state, 6, 100, 65536);
	TAKE(state, 4, { "alice", 2, NOW_S - 4 });
	assert_int_equal(plan(state), 0);
}

/* The user was there before, too: others may have come and gone meanwhile. */
static void a_pause_without_lists_begins_anew(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 6);
	take(state, 44, NULL, 0);
	TAKE(state, 40, { "alice", 2, NOW_S - 41 });
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 0);
}

static void a_user_who_is_not_in_the_last_list_owns_nothing_new(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 10);
	take(state, 12, NULL, 0);
	TAKE(state, 8, { "alice", 2, NOW_S - 9 });
	take(state, 4, NULL, 0);
	assert_int_equal(plan(state), 0);
}

static void a_request_that_is_older_than_the_flow_is_of_another_flow(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 6);
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, NOW_S - 7 });
	assert_int_equal(plan(state), 0);
	/* The second in which the flow began. */
	TAKE(state, 3, { "alice", 2, NOW_S - 6 });
	assert_int_equal(plan(state), 1);
	/* It is not open any more. */
	state->table->count = 0;
	TAKE(state, 2, { "alice", 2, NOW_S });
	assert_int_equal(plan(state), 0);
}

static void an_address_that_changes_hands_is_the_new_users_for_new_flows(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 11);
	add_flow(state, 2, 9);
	add_flow(state, 2, 7);
	take(state, 16, NULL, 0);
	TAKE(state, 12, { "alice", 2, NOW_S - 13 });
	TAKE(state, 8, { "bob", 2, NOW_S - 9 });
	TAKE(state, 4, { "bob", 2, NOW_S - 5 });
	assert_int_equal(plan(state), 1);
	assert_int_equal(state->plan->labels.items[0].flow.remote_port, 5002);
	assert_int_equal(state->plan->labels.items[0].owner, 2);
}

static void after_a_list_without_the_former_user_a_flow_is_the_new_users(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 13);
	add_flow(state, 2, 10);
	TAKE(state, 16, { "alice", 2, NOW_S - 17 });
	take(state, 12, NULL, 0);
	TAKE(state, 8, { "bob", 2, NOW_S - 9 });
	assert_int_equal(plan(state), 1);
	assert_int_equal(state->plan->labels.items[0].flow.remote_port, 5001);
	assert_int_equal(state->plan->labels.items[0].owner, 2);
}

static void two_users_at_an_address_own_nothing_there(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry *alices = add_flow(state, 2, 9);

	add_flow(state, 2, 6);
	take(state, 12, NULL, 0);
	TAKE(state, 8, { "alice", 2, NOW_S - 8 });
	alices->state.owner = 1;
	TAKE(state, 4, { "alice", 2, NOW_S - 4 }, { "bob", 2, NOW_S - 5 });
	assert_int_equal(plan(state), 0);
	assert_true(state->plan->has_shared_address);
	/* It may be bob's, who had no open stream at the first list. */
	assert_int_equal(state->plan->disputes.count, 1);
	assert_int_equal(state->plan->disputes.items[0].flow.remote_port, 5000);
	assert_int_equal(state->plan->disputes.items[0].owner, 2);
	/* Bob has gone. What began while he was there may be his. */
	TAKE(state, 2, { "alice", 2, NOW_S - 2 });
	assert_int_equal(plan(state), 0);
	assert_int_equal(state->plan->disputes.count, 0);
}

/* Also a user whom no key has. */
static void a_stranger_at_the_address_ends_the_label(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 9)->state.owner = 1;
	TAKE(state, 4, { "mallory", 2, NOW_S - 4 });
	assert_int_equal(plan(state), 0);
	assert_int_equal(state->plan->disputes.count, 1);
	TAKE(state, 2, { "alice", 2, NOW_S - 2 });
	plan(state);
	assert_int_equal(state->plan->disputes.count, 0);
}

static void a_user_of_several_ports_owns_nothing(void **context)
{
	static const struct key_on keys[] = {
		{ .uuid = "alice", .spans = ON_443 },
		{ .uuid = "bob",
		  .spans = { { 443, 443, V2M_TCP, false, 0, false, false },
			     { 8443, 8443, V2M_TCP, false, 0, false, false } } },
	};
	struct state *state = *context;

	set_keys(state, keys, 2);
	add_flow(state, 2, 6);
	add_flow(state, 3, 6);
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, RECENT }, { "bob", 3, RECENT });
	assert_int_equal(plan(state), 1);
	assert_int_equal(state->plan->labels.items[0].owner, 1);
}

static void ports_whose_users_may_be_missing_are_not_told(void **context)
{
	static const struct key_on keys[] = {
		{ .uuid = "alice", .spans = ON_443 },
		{ .uuid = "bob", .spans = { { 443, 443, V2M_TCP, false, 0, false, true } } },
	};
	static const struct key_on behind_nginx[] = {
		{ .uuid = "alice", .spans = { { 443, 443, V2M_TCP, true, 0, false, false } } },
		{ .uuid = "bob", .spans = { { 443, 443, V2M_TCP, true, 0, false, false } } },
	};
	struct state *state = *context;

	assert_true(v2m_online_owners_are_wanted(state->owners));
	set_keys(state, behind_nginx, 2);
	assert_false(v2m_online_owners_are_wanted(state->owners));
	set_keys(state, keys, 2);
	assert_false(v2m_online_owners_are_wanted(state->owners));
	assert_false(v2m_online_owners_can_tell(state->owners, &state->keyset->slots.items[0]));
	add_flow(state, 2, 6);
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 0);
}

static void a_user_without_email_is_in_no_list(void **context)
{
	static const struct key_on keys[] = { { .uuid = "alice", .spans = ON_443 },
					      { .uuid = "", .spans = ON_443 } };
	struct state *state = *context;

	/* An empty email is none. */
	set_keys(state, keys, 2);
	assert_false(v2m_online_owners_are_wanted(state->owners));
}

static void nobody_opens_a_udp_flow_so_that_its_address_is_proved(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 6)->key.protocol = IPPROTO_UDP;
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 0);
}

static void a_flow_that_nobody_is_named_for_is_a_gap(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry *flow = add_flow(state, 2, 21);

	TAKE(state, 4, { "alice", 3, RECENT });
	plan(state);
	assert_true(state->plan->has_nameless);
	/* The server has sent nothing: a scanner. */
	flow->state.tx.payload_bytes = 0;
	TAKE(state, 3, { "alice", 3, RECENT });
	plan(state);
	assert_false(state->plan->has_nameless);
	flow->state.tx.payload_bytes = 1;
	flow->state.began_ns = NOW_NS - 19 * SECOND;
	TAKE(state, 2, { "alice", 3, RECENT });
	plan(state);
	assert_false(state->plan->has_nameless);
	/* A port that leads to 443, where alice is. */
	flow = add_flow(state, 3, 21);
	flow->key.port = 8443;
	TAKE(state, 1, { "alice", 3, RECENT });
	assert_int_equal(plan(state), 0);
	assert_true(state->plan->has_nameless);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_alone_has_an_address_owns_its_open_flow),
		TEST(a_dump_that_is_older_than_the_list_shows_nothing),
		TEST(what_a_list_does_not_prove_has_no_owner),
		TEST(a_flow_whose_handshake_was_not_seen_has_no_owner),
		TEST(of_very_many_addresses_only_the_last_are_remembered),
		TEST(a_pause_without_lists_begins_anew),
		TEST(a_user_who_is_not_in_the_last_list_owns_nothing_new),
		TEST(a_request_that_is_older_than_the_flow_is_of_another_flow),
		TEST(an_address_that_changes_hands_is_the_new_users_for_new_flows),
		TEST(after_a_list_without_the_former_user_a_flow_is_the_new_users),
		TEST(two_users_at_an_address_own_nothing_there),
		TEST(a_stranger_at_the_address_ends_the_label),
		TEST(a_user_of_several_ports_owns_nothing),
		TEST(ports_whose_users_may_be_missing_are_not_told),
		TEST(a_user_without_email_is_in_no_list),
		TEST(nobody_opens_a_udp_flow_so_that_its_address_is_proved),
		TEST(a_flow_that_nobody_is_named_for_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
