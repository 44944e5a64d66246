// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ports whose users the list of online users tells, and what it leaves without owner. */
#include "unit/attribution/online_fixture.h"

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

static void an_email_of_two_keys_names_neither(void **context)
{
	struct state *state = *context;

	v2m_key_add_email(&state->keyset->keys[1], "alice");
	assert_int_equal(v2m_online_owners_set_keys(state->owners, state->keyset), 0);
	add_flow(state, 2, 6);
	add_flow(state, 3, 6);
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, RECENT }, { "bob", 3, RECENT });
	assert_int_equal(plan(state), 1);
	assert_int_equal(state->plan->labels.items[0].owner, 2);
}

/* Whether the lists tell the users of the only port, if its slot is like this. */
static bool is_told(struct state *state, struct v2m_slot changed)
{
	struct v2m_slot *slot = &state->keyset->slots.items[0];
	struct v2m_slot before = *slot;

	*slot = changed;
	assert_int_equal(v2m_online_owners_set_keys(state->owners, state->keyset), 0);
	*slot = before;
	return v2m_online_owners_are_wanted(state->owners);
}

static void ports_that_are_not_counted_for_several_by_tcp_are_not_told(void **context)
{
	struct state *state = *context;
	struct v2m_slot slot = state->keyset->slots.items[0];

	assert_true(is_told(state, slot));
	slot.refused = true;
	assert_false(is_told(state, slot));
	slot.refused = false;
	slot.behind = true;
	assert_false(is_told(state, slot));
	slot.behind = false;
	slot.transports = V2M_UDP;
	assert_false(is_told(state, slot));
	slot.transports = V2M_TCP;
	slot.n_keys = 1;
	assert_false(is_told(state, slot));
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
	static const struct key_on keys[] = {
		{ .uuid = "alice",
		  .spans = { { 443, 443, V2M_TCP | V2M_UDP, false, 0, false, false } } },
		{ .uuid = "bob",
		  .spans = { { 443, 443, V2M_TCP | V2M_UDP, false, 0, false, false } } },
	};
	struct state *state = *context;

	set_keys(state, keys, 2);
	add_flow(state, 2, 6)->key.protocol = IPPROTO_UDP;
	take(state, 8, NULL, 0);
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 0);
}

static void a_flow_that_nobody_is_named_for_is_a_gap(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry *flow = add_flow(state, 2, 21);

	TAKE(state, 6, { "alice", 3, RECENT });
	plan(state);
	assert_true(state->plan->has_nameless);
	/* The server has sent nothing: a scanner. */
	flow->state.tx.payload_bytes = 0;
	TAKE(state, 5, { "alice", 3, RECENT });
	plan(state);
	assert_false(state->plan->has_nameless);
	flow->state.tx.payload_bytes = 1;
	flow->state.began_ns = NOW_NS - 19 * SECOND;
	TAKE(state, 4, { "alice", 3, RECENT });
	plan(state);
	assert_false(state->plan->has_nameless);
	/* Somebody else's name is none. */
	flow->state.began_ns = NOW_NS - 21 * SECOND;
	TAKE(state, 3, { "mallory", 2, RECENT });
	plan(state);
	assert_true(state->plan->has_nameless);
	flow->state.owner = 1;
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

/* A client uses its port again within seconds. The kernel puts the new connection in the place of
 * the old one. */
static void a_flow_whose_place_is_taken_before_it_has_a_name_is_a_gap(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry *flow = add_flow(state, 2, 9);

	take(state, 8, NULL, 0);
	plan(state);
	assert_false(state->plan->has_nameless);
	/* It is still there. */
	take(state, 6, NULL, 0);
	plan(state);
	assert_false(state->plan->has_nameless);
	flow->state.began_ns = NOW_NS - 5 * SECOND;
	flow->state.tx.payload_bytes = 0;
	TAKE(state, 4, { "alice", 2, RECENT });
	assert_int_equal(plan(state), 1);
	assert_true(state->plan->has_nameless);
	flow->state.owner = 1;
	TAKE(state, 2, { "alice", 2, RECENT });
	plan(state);
	assert_false(state->plan->has_nameless);
	/* The place of a flow with an owner may be taken. */
	state->n_flows = 0;
	TAKE(state, 1, { "alice", 2, RECENT });
	plan(state);
	assert_false(state->plan->has_nameless);
}

static void a_flow_that_is_named_now_is_no_gap(void **context)
{
	struct state *state = *context;

	add_flow(state, 2, 21);
	take(state, 23, NULL, 0);
	TAKE(state, 14, { "alice", 2, NOW_S });
	assert_int_equal(plan(state), 1);
	assert_false(state->plan->has_nameless);
}

static void no_list_for_15_seconds_is_a_gap(void **context)
{
	struct state *state = *context;
	uint64_t began_ns = NOW_NS - 20 * SECOND;
	uint64_t answered_ns = NOW_NS - 8 * SECOND + SECOND / 2;

	/* The first list is waited for no less. */
	assert_false(v2m_online_owners_lack_list(state->owners, began_ns));
	assert_false(v2m_online_owners_lack_list(state->owners, began_ns + 15 * SECOND));
	assert_true(v2m_online_owners_lack_list(state->owners, began_ns + 15 * SECOND + 1));
	take(state, 8, NULL, 0);
	assert_false(v2m_online_owners_lack_list(state->owners, answered_ns + 15 * SECOND));
	assert_true(v2m_online_owners_lack_list(state->owners, answered_ns + 15 * SECOND + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_user_of_several_ports_owns_nothing),
		TEST(an_email_of_two_keys_names_neither),
		TEST(ports_that_are_not_counted_for_several_by_tcp_are_not_told),
		TEST(ports_whose_users_may_be_missing_are_not_told),
		TEST(a_user_without_email_is_in_no_list),
		TEST(nobody_opens_a_udp_flow_so_that_its_address_is_proved),
		TEST(a_flow_that_nobody_is_named_for_is_a_gap),
		TEST(a_flow_whose_place_is_taken_before_it_has_a_name_is_a_gap),
		TEST(a_flow_that_is_named_now_is_no_gap),
		TEST(no_list_for_15_seconds_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
