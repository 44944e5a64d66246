// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lists of online users find the owners of flows. */
#include "unit/attribution/online_fixture.h"

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
	assert_int_equal(state->plan->labels.items[1].began_ns, NOW_NS - 6 * SECOND);
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
	/* Nor does a list before the first key set. */
	v2m_online_owners_free(state->owners);
	state->owners = v2m_online_owners_new(NOW_NS);
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_false(v2m_online_owners_plan_is_due(state->owners, state->table));
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

static void the_first_list_names_nobody_right_after_a_boot_either(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 996);
	TAKE(state, 995, { "alice", 2, NOW_S });
	assert_int_equal(plan(state), 0);
}

/* If a proxy is gone, the last answers of the others are older. */
static void a_list_that_is_older_than_the_last_begins_anew(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 10);
	take(state, 12, NULL, 0);
	TAKE(state, 8, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 1);
	TAKE(state, 9, { "alice", 2, RECENT });
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

/* The number of labels if alice was at her address so long ago, and is back since back_s. */
static size_t plan_comeback(struct state *state, uint64_t age_s, uint64_t back_s)
{
	TAKE(state, age_s, { "alice", 2, NOW_S - (int64_t)age_s });
	for (uint64_t at_s = age_s - 10; at_s >= 10; at_s -= 10)
		take(state, at_s, NULL, 0);
	TAKE(state, back_s, { "alice", 2, RECENT });
	return plan(state);
}

static void an_address_is_forgotten_after_ten_minutes(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 12);
	assert_int_equal(plan_comeback(state, 590, 4), 1);
	assert_int_equal(plan_comeback(state, 620, 3), 0);
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
	/* It is disputed once. */
	alices->state.disputed = 1;
	TAKE(state, 3, { "alice", 2, NOW_S - 3 }, { "bob", 2, NOW_S - 5 });
	plan(state);
	assert_int_equal(state->plan->disputes.count, 0);
	alices->state.disputed = 0;
	/* Bob has gone. What began while he was there may be his. */
	TAKE(state, 2, { "alice", 2, NOW_S - 2 });
	assert_int_equal(plan(state), 0);
	assert_int_equal(state->plan->disputes.count, 0);
	assert_false(state->plan->has_shared_address);
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

/* The kernel's map of owners is full. */
static void only_an_owner_that_the_kernel_has_disputes(void **context)
{
	static const struct key_on keys[] = { { .uuid = "alice", .spans = ON_443 },
					      { .uuid = "bob", .spans = ON_443 },
					      { .uuid = "carol", .spans = ON_443 } };
	struct state *state = *context;
	uint32_t *numbers;
	size_t count;

	set_keys(state, keys, 3);
	v2m_attributor_rules(state->attributor, &count, &numbers);
	add_flow(state, 2, 9)->state.owner = numbers[0];
	numbers[1] = V2M_NO_OWNER;
	TAKE(state, 4, { "mallory", 2, NOW_S - 4 });
	plan(state);
	assert_int_equal(state->plan->disputes.count, 1);
	assert_int_equal(state->plan->disputes.items[0].owner, numbers[2]);
	numbers[2] = V2M_NO_OWNER;
	TAKE(state, 2, { "mallory", 2, NOW_S - 4 });
	plan(state);
	assert_int_equal(state->plan->disputes.count, 0);
}

/* A client goes on with UDP of an earlier connection (XUDP) from the address of a user who is idle.
 */
static void what_the_server_sent_before_a_request_is_never_the_users(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry *alien = add_flow(state, 2, 22);
	struct v2m_flow_entry *slow = add_flow(state, 2, 22);

	alien->state.tx.payload_bytes = 16385;
	TAKE(state, 24, { "alice", 2, NOW_S - 30 });
	TAKE(state, 16, { "alice", 2, NOW_S - 30 });
	assert_int_equal(plan_at(state, 15), 0);
	TAKE(state, 12, { "alice", 2, NOW_S - 30 });
	assert_int_equal(plan_at(state, 11), 0);
	slow->state.tx.payload_bytes = 16385;
	for (size_t i = 0; i < 3; i++) {
		TAKE(state, 9 - 4 * i, { "alice", 2, NOW_S - 10 });
		assert_int_equal(plan_at(state, 8 - 4 * i), 1);
		assert_int_equal(state->plan->labels.items[0].flow.remote_port,
				 slow->key.remote_port);
	}
	assert_true(state->plan->has_nameless);
}

/* The request may have come after the list and before the bytes were read. */
static void what_the_server_sent_after_the_list_may_be_the_users(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry *flow = add_flow(state, 2, 20);

	TAKE(state, 24, { "alice", 2, NOW_S - 30 });
	TAKE(state, 16, { "alice", 2, NOW_S - 30 });
	assert_int_equal(plan_at(state, 15), 0);
	flow->state.tx.payload_bytes = 1 << 20;
	TAKE(state, 12, { "alice", 2, NOW_S - 30 });
	assert_int_equal(plan_at(state, 11), 0);
	TAKE(state, 8, { "alice", 2, NOW_S - 12 });
	assert_int_equal(plan_at(state, 7), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_alone_has_an_address_owns_its_open_flow),
		TEST(a_dump_that_is_older_than_the_list_shows_nothing),
		TEST(what_a_list_does_not_prove_has_no_owner),
		TEST(the_first_list_names_nobody_right_after_a_boot_either),
		TEST(a_list_that_is_older_than_the_last_begins_anew),
		TEST(a_flow_whose_handshake_was_not_seen_has_no_owner),
		TEST(of_very_many_addresses_only_the_last_are_remembered),
		TEST(an_address_is_forgotten_after_ten_minutes),
		TEST(a_pause_without_lists_begins_anew),
		TEST(a_user_who_is_not_in_the_last_list_owns_nothing_new),
		TEST(a_request_that_is_older_than_the_flow_is_of_another_flow),
		TEST(an_address_that_changes_hands_is_the_new_users_for_new_flows),
		TEST(after_a_list_without_the_former_user_a_flow_is_the_new_users),
		TEST(two_users_at_an_address_own_nothing_there),
		TEST(a_stranger_at_the_address_ends_the_label),
		TEST(only_an_owner_that_the_kernel_has_disputes),
		TEST(what_the_server_sent_before_a_request_is_never_the_users),
		TEST(what_the_server_sent_after_the_list_may_be_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
