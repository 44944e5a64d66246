// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Joins subjects that an earlier version kept apart. */
#include "unit/accounting/slots_fixture.h"

/* Restores a subject as an earlier version stored it, with its port. */
static void restore_subject(struct state *state, const char *name, uint16_t port, uint64_t lifetime,
			    uint64_t baseline)
{
	const struct v2m_subject subject = {
		.id = (char *)(uintptr_t)name,
		.port = port,
		.lifetime.rx.wire_bytes = lifetime,
		.baseline.rx.wire_bytes = baseline,
		.history_baseline.rx.wire_bytes = 1,
		.max_connections = port,
		.sessions = 5,
		.first_seen_us = 100000 - port,
		.last_activity_us = 100000 + port,
		.reset_us = port,
	};

	assert_int_equal(v2m_account_restore_subject(state->account, &subject), 0);
}

static void aliases_are_joined_when_the_key_set_comes(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *key;

	restore_subject(state, "u0", 443, 1000, 200);
	restore_subject(state, "u0-8443", 8443, 300, 50);
	USE_KEYS(state, { .uuid = "u0",
			  .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) },
			  .aliases = { "u0-8443", "u0-9" } });
	APPLY(state, entry_at(443, V2M_TCP, 7), entry_at(8443, V2M_TCP, 8));
	key = v2m_account_subject(state->account, "u0");
	assert_int_equal(key->lifetime.rx.wire_bytes, 1315);
	assert_int_equal(v2m_subject_since_reset(key).rx.wire_bytes, 1065);
	assert_int_equal(key->history_baseline.rx.wire_bytes, 2);
	assert_int_equal(key->max_connections, 8443);
	assert_int_equal(key->sessions, 10);
	assert_int_equal(key->first_seen_us, 100000 - 8443);
	assert_int_equal(key->reset_us, 8443);
	assert_int_equal(share_of(state, 0, 0), 807);
	assert_int_equal(share_of(state, 0, 1), 258);
	assert_null(v2m_account_subject(state->account, "u0-8443"));
	assert_true(v2m_account_knows(state->account, "u0-8443"));
	assert_string_equal(v2m_account_name(state->account, "u0-8443"), "u0");
	assert_false(v2m_account_knows(state->account, "u0-9"));
}

static void pending_figures_of_an_alias_are_not_lost(void **context)
{
	struct state *state = *context;
	const struct v2m_pending *pending;

	USE_KEYS(state, { .uuid = "u0", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "u0-8443", .spans = { PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 1), entry_at(8443, V2M_TCP, 30));
	USE_KEYS(state, { .uuid = "u0",
			  .spans = { PORT(443, V2M_TCP), PORT(8443, V2M_TCP) },
			  .aliases = { "u0-8443" } });
	APPLY(state, entry_at(443, V2M_TCP, 1), entry_at(8443, V2M_TCP, 32));
	pending = &v2m_account_subject(state->account, "u0")->pending;
	assert_int_equal(pending->n_days, 1);
	assert_int_equal(pending->days[0].figures.totals.rx.wire_bytes, 33);
	assert_int_equal(pending->hours[0].figures.totals.rx.wire_bytes, 33);
}

static void an_alias_that_is_also_a_key_is_not_joined(void **context)
{
	struct state *state = *context;

	restore_subject(state, "u1", 8443, 300, 50);
	USE_KEYS(state, { .uuid = "u0", .spans = { PORT(443, V2M_TCP) }, .aliases = { "u1" } },
		 { .uuid = "u1", .spans = { PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 1), entry_at(8443, V2M_TCP, 2));
	assert_int_equal(lifetime_rx(state->account, "u0"), 1);
	assert_int_equal(lifetime_rx(state->account, "u1"), 302);
}

static void aliases_of_an_alias_become_aliases_of_the_key(void **context)
{
	struct state *state = *context;

	restore_subject(state, "a", 1, 1, 0);
	restore_subject(state, "b", 2, 10, 0);
	restore_subject(state, "c", 3, 100, 0);
	assert_int_equal(v2m_account_join(state->account, "a", "b", 1), 0);
	assert_int_equal(v2m_account_join(state->account, "b", "c", 2), 0);
	assert_string_equal(v2m_account_name(state->account, "a"), "c");
	assert_int_equal(lifetime_rx(state->account, "c"), 111);
	assert_int_equal(v2m_account_join(state->account, "b", "c", 2), -ENOENT);
	assert_int_equal(v2m_account_join(state->account, "c", "c", 2), -ENOENT);
	assert_int_equal(v2m_account_join(state->account, "c", "nobody", 2), -ENOENT);
}

/* The account has bound the key set, and the join removes one of the owners. */
static void slots_get_their_new_owner_after_a_join(void **context)
{
	struct state *state = *context;

	USE_KEYS(state, { .uuid = "a", .spans = { PORT(443, V2M_TCP) } },
		 { .uuid = "b", .spans = { PORT(8443, V2M_TCP) } });
	APPLY(state, entry_at(443, V2M_TCP, 1), entry_at(8443, V2M_TCP, 2));
	assert_int_equal(v2m_account_join(state->account, "a", "b", 443), 0);
	APPLY(state, entry_at(443, V2M_TCP, 11), entry_at(8443, V2M_TCP, 2));
	assert_int_equal(lifetime_rx(state->account, "b"), 3);
	assert_int_equal(lifetime_rx(state->account, "a"), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(aliases_are_joined_when_the_key_set_comes),
		TEST(pending_figures_of_an_alias_are_not_lost),
		TEST(an_alias_that_is_also_a_key_is_not_joined),
		TEST(aliases_of_an_alias_become_aliases_of_the_key),
		TEST(slots_get_their_new_owner_after_a_join),
	};

	return cmocka_run_group_tests_name("aliases", tests, NULL, NULL);
}
