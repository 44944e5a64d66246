// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys with several ports in the ledger: their parts, and the subjects that are joined into them.
 */
#include "unit/ledger/ledger_fixture.h"

/* The keys of an earlier version, and those of this one. */
static const struct key_on apart[] = {
	{ .uuid = "u0", .spans = { { 443, 443, V2M_TCP, false, 0 } } },
	{ .uuid = "u0-8443", .spans = { { 8443, 8443, V2M_TCP, false, 0 } } },
};
static const struct key_on joined[] = {
	{ .uuid = "u0",
	  .spans = { { 443, 443, V2M_TCP, false, 0 }, { 8443, 8443, V2M_TCP, false, 0 } },
	  .aliases = { "u0-8443" } },
};

/* TCP bytes of port 443 in slot 0 and of port 8443 in slot 1. */
static void count_both(struct state *state, uint64_t first, uint64_t second, const char *utc)
{
	struct v2m_port_sample entries[] = { port_at(443, first), port_at(8443, second) };
	struct v2m_sample sample = {
		.epoch = "epoch",
		.mono_ns = ++state->mono_s * SECOND_NS,
		.real_us = unix_us(utc),
		.ports = entries,
		.n_ports = 2,
	};

	for (uint16_t i = 0; i < 2; i++) {
		entries[i].slot = i;
		entries[i].transports = V2M_TCP;
		entries[i].udp_rx = entries[i].udp_tx = flow_of(0);
	}
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &sample), 0);
}

static uint64_t part_of(struct state *state, uint32_t slot_number)
{
	const struct v2m_subject *subject = v2m_account_subject(state->account, "u0");
	const struct v2m_part *part = v2m_parts_find(&subject->parts, slot_number);

	return part ? v2m_totals_subtract(part->lifetime, part->baseline).rx.wire_bytes : 0;
}

static void readings_are_kept_by_the_kernels_slots(void **context)
{
	struct state *state = *context;

	use_keys(state, joined, 1);
	count_both(state, 100, 7000, "2025-08-03T12:00:00");
	store(state);
	restart(state);
	assert_int_equal(query(state, "SELECT tcp_rx_wire FROM raw WHERE slot = 0"), 100);
	assert_int_equal(query(state, "SELECT tcp_rx_wire FROM raw WHERE slot = 1"), 7000);
	count_both(state, 101, 7002, "2025-08-03T12:00:01");
	assert_int_equal(lifetime_rx(state->account, "u0"), 7103);
}

static void parts_and_their_resets_survive_a_restart(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	use_keys(state, joined, 1);
	count_both(state, 100, 7000, "2025-08-03T12:00:00");
	store(state);
	assert_int_equal(query(state, "SELECT rx_wire FROM parts WHERE slot_number = 8443"), 7000);
	v2m_account_reset(state->account, "u0", 42, &closed, &undo);
	v2m_reset_undo_clear(&undo);
	store(state);
	restart(state);
	count_both(state, 101, 7002, "2025-08-03T12:00:01");
	assert_int_equal(part_of(state, 443), 1);
	assert_int_equal(part_of(state, 8443), 2);
	assert_int_equal(lifetime_rx(state->account, "u0"), 7103);
}

/* Stores a day and a dump of each subject. */
static void begin_apart(struct state *state)
{
	struct v2m_connection_table *table = connections_of(8443, 1, 5);

	use_keys(state, apart, 2);
	count_both(state, 100, 7000, "2025-08-03T12:00:00");
	count_both(state, 100, 7030, "2025-08-04T12:00:00");
	assert_int_equal(v2m_account_connections(state->account, state->keyset, table, NULL, 0,
						 unix_us("2025-08-04T12:00:00")),
			 0);
	v2m_connection_table_unref(table);
	store(state);
	use_keys(state, joined, 1);
}

static void assert_joined(struct state *state)
{
	assert_int_equal(lifetime_rx(state->account, "u0"), 7130);
	assert_null(v2m_account_subject(state->account, "u0-8443"));
	assert_true(v2m_account_knows(state->account, "u0-8443"));
	assert_int_equal(part_of(state, 443), 100);
	assert_int_equal(part_of(state, 8443), 7030);
	assert_int_equal(query(state, "SELECT count(*) FROM subjects WHERE name LIKE 'u0%'"), 1);
	assert_int_equal(query(state, "SELECT max_connections FROM subjects WHERE name = 'u0'"), 5);
	assert_int_equal(stored_day(state, 20250803), 7100);
	assert_int_equal(stored_day(state, 20250804), 30);
	assert_int_equal(query(state, "SELECT rx_wire FROM months WHERE month = 202508"), 7130);
	assert_int_equal(query(state, "SELECT max_connections FROM months"), 5);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM hours"), 7130);
	assert_int_equal(query(state, "SELECT count(*) FROM days"), 2);
	assert_int_equal(query(state, "SELECT count(*) FROM aliases a JOIN subjects s"
				      " ON s.id = a.subject AND s.name = 'u0'"),
			 1);
}

static void an_alias_is_joined_with_its_history(void **context)
{
	struct state *state = *context;

	begin_apart(state);
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	store(state);
	assert_joined(state);
	for (int i = 0; i < 2; i++) {
		restart(state);
		count_both(state, 100, 7030, "2025-08-04T12:00:02");
		store(state);
		assert_joined(state);
	}
}

static void an_alias_that_is_not_joined_in_the_file_is_joined_again(void **context)
{
	struct state *state = *context;

	begin_apart(state);
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "u0"), 100);
	count_both(state, 100, 7030, "2025-08-04T12:00:02");
	store(state);
	assert_joined(state);
}

/* The transaction fails at each of its steps, and the process ends there. */
static void joining_in_the_file_is_all_or_nothing(void **context)
{
	static const char *const steps[] = {
		"INSERT ON aliases",  "UPDATE ON days",  "INSERT ON days",   "UPDATE ON months",
		"INSERT ON hours",    "DELETE ON days",  "DELETE ON months", "DELETE ON hours",
		"DELETE ON subjects", "INSERT ON parts",
	};
	struct state *state = *context;
	struct v2m_error error = { 0 };
	char text[128];

	begin_apart(state);
	for (size_t i = 0; i < V2M_ARRAY_LEN(steps); i++) {
		snprintf(text, sizeof(text),
			 "CREATE TRIGGER refuse BEFORE %s"
			 " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
			 steps[i]);
		sql(state, text);
		count_both(state, 100, 7030, "2025-08-04T12:00:01");
		if (v2m_ledger_store(state->ledger, state->account, &error) == 0)
			fail_msg("%s is no step", steps[i]);
		sql(state, "DROP TRIGGER refuse");
		restart(state);
		assert_int_equal(lifetime_rx(state->account, "u0"), 100);
		assert_int_equal(lifetime_rx(state->account, "u0-8443"), 7030);
		assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), 7130);
		assert_int_equal(query(state, "SELECT count(*) FROM aliases"), 0);
	}
	count_both(state, 100, 7030, "2025-08-04T12:00:02");
	store(state);
	assert_joined(state);
}

static void a_join_that_could_not_be_stored_is_in_the_next_store(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	begin_apart(state);
	sql(state, "CREATE TRIGGER refuse BEFORE DELETE ON subjects"
		   " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	assert_int_not_equal(v2m_ledger_store(state->ledger, state->account, &error), 0);
	sql(state, "DROP TRIGGER refuse");
	store(state);
	assert_joined(state);
	restart(state);
	assert_joined(state);
}

/* The key set changes twice between two stores. The old bytes of the alias belong to its key, the
 * new ones to itself. */
static void an_alias_that_is_a_key_again_begins_anew(void **context)
{
	struct state *state = *context;

	begin_apart(state);
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	use_keys(state, apart, 2);
	count_both(state, 100, 7031, "2025-08-04T12:00:02");
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "u0"), 7130);
	assert_int_equal(lifetime_rx(state->account, "u0-8443"), 1);
	assert_int_equal(query(state, "SELECT sum(days.rx_wire) FROM days JOIN subjects s"
				      " ON s.id = subject AND s.name = 'u0'"),
			 7130);
	assert_int_equal(query(state, "SELECT sum(days.rx_wire) FROM days JOIN subjects s"
				      " ON s.id = subject AND s.name = 'u0-8443'"),
			 1);
	/* A new file gets everything. It must not join the key as an alias. */
	count_both(state, 100, 7031, "2025-08-04T12:00:03");
	destroy(state, "hours");
	count_both(state, 100, 7032, "2025-08-04T12:00:04");
	store(state);
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "u0"), 7130);
	assert_int_equal(lifetime_rx(state->account, "u0-8443"), 2);
	assert_int_equal(query(state, "SELECT sum(days.rx_wire) FROM days JOIN subjects s"
				      " ON s.id = subject AND s.name = 'u0-8443'"),
			 2);
}

/* The key that had an alias becomes one itself. */
static void aliases_of_an_alias_become_aliases_of_the_key_in_the_file(void **context)
{
	static const struct key_on third[] = {
		{ .uuid = "u9",
		  .spans = { { 443, 443, V2M_TCP, false, 0 }, { 8443, 8443, V2M_TCP, false, 0 } },
		  .aliases = { "u0" } },
	};
	struct state *state = *context;

	begin_apart(state);
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	store(state);
	use_keys(state, third, 1);
	count_both(state, 100, 7030, "2025-08-04T12:00:02");
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "u9"), 7130);
	assert_string_equal(v2m_account_name(state->account, "u0"), "u9");
	assert_string_equal(v2m_account_name(state->account, "u0-8443"), "u9");
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), 7130);
	assert_int_equal(query(state, "SELECT count(DISTINCT subject) FROM parts"), 1);
}

/* Another subject may get the id of one that was lost. */
static void parts_and_aliases_of_a_subject_that_is_lost_are_deleted(void **context)
{
	struct state *state = *context;

	begin_apart(state);
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	store(state);
	sql(state, "UPDATE subjects SET reset_us = -5 WHERE name = 'u0'");
	restart(state);
	assert_null(v2m_account_subject(state->account, "u0"));
	assert_int_equal(query(state, "SELECT count(*) FROM parts"), 0);
	assert_int_equal(query(state, "SELECT count(*) FROM aliases"), 0);
}

static void a_new_file_gets_aliases_and_parts(void **context)
{
	struct state *state = *context;

	begin_apart(state);
	count_both(state, 100, 7030, "2025-08-04T12:00:01");
	store(state);
	each_file(state, "ledger.db*", unlink);
	count_both(state, 101, 7030, "2025-08-04T12:00:02");
	store(state);
	restart(state);
	assert_true(v2m_account_knows(state->account, "u0-8443"));
	assert_int_equal(lifetime_rx(state->account, "u0"), 7131);
	assert_int_equal(part_of(state, 8443), 7030);
}

static void impossible_parts_and_aliases_cost_no_totals(void **context)
{
	static const char *const texts[] = {
		"UPDATE parts SET rx_wire = -1 WHERE slot_number = 443",
		"UPDATE parts SET base_tx_wire = tx_wire + 1 WHERE slot_number = 443",
		"UPDATE parts SET slot_number = 0 WHERE slot_number = 443",
		"UPDATE aliases SET name = hex(zeroblob(200))",
	};
	struct state *state = *context;

	for (size_t i = 0; i < V2M_ARRAY_LEN(texts); i++) {
		close_ledger(state);
		each_file(state, "*", unlink);
		open_ledger(state);
		begin_apart(state);
		count_both(state, 100, 7030, "2025-08-04T12:00:01");
		store(state);
		sql(state, texts[i]);
		restart(state);
		assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
		assert_int_equal(lifetime_rx(state->account, "u0"), 7130);
		assert_int_equal(part_of(state, 8443), 7030);
		assert_int_equal(part_of(state, 443), i == 3 ? 100 : 0);
		assert_int_equal(v2m_account_knows(state->account, "u0-8443"), i != 3);
	}
}

static void bytes_of_a_port_behind_another_are_in_no_date(void **context)
{
	static const struct key_on keys[] = {
		{ .uuid = "front", .spans = { { 443, 443, V2M_TCP, false, 0 } } },
		{ .uuid = "behind", .spans = { { 8443, 8443, V2M_TCP, true, 443 } } },
	};
	struct state *state = *context;
	struct v2m_history_date date;
	struct v2m_error error;

	use_keys(state, keys, 2);
	for (int stored = 0; stored < 2; stored++) {
		count_both(state, 100, 60, "2025-08-03T12:00:00");
		assert_int_equal(v2m_ledger_history_date(state->ledger, state->account, 20250803,
							 &date, &error),
				 0);
		assert_int_equal(date.totals.rx.wire_bytes, 100);
		assert_int_equal(date.active_keys, 1);
		store(state);
	}
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM days"), 160);
}

/* Two keys share TCP of port 443 and two others UDP; one of them has a port of its own. */
static void each_shared_slot_is_an_entry_beside_those_of_its_keys(void **context)
{
	static const struct key_on keys[] = {
		{ .uuid = "a",
		  .spans = { { 443, 443, V2M_TCP, false, 0 }, { 8443, 8443, V2M_TCP, false, 0 } } },
		{ .uuid = "b", .spans = { { 443, 443, V2M_TCP, false, 0 } } },
		{ .uuid = "c", .spans = { { 443, 443, V2M_UDP, false, 0 } } },
		{ .uuid = "d", .spans = { { 443, 443, V2M_UDP, false, 0 } } },
	};
	struct state *state = *context;
	struct v2m_history history = { 0 };
	struct v2m_error error;

	use_keys(state, keys, 4);
	sample_at(&state->one, 443, 50, 1);
	state->one.port.udp_rx = flow_of(7);
	state->one.sample.real_us = unix_us("2025-08-03T12:00:00");
	v2m_account_apply(state->account, state->keyset, &state->one.sample);
	state->mono_s = 1;
	count_both(state, 50, 30, "2025-08-03T12:00:00");
	assert_int_equal(v2m_ledger_history_month(state->ledger, state->account, state->keyset,
						  202508, &history, &error),
			 0);
	assert_int_equal(history.n_keys, 6);
	assert_true(history.keys[0].shares_port);
	assert_int_equal(history.keys[0].all.totals.rx.wire_bytes, 30);
	assert_int_equal(history.keys[0].month.totals.rx.wire_bytes, 30);
	assert_true(history.keys[4].slot_number && history.keys[5].slot_number);
	assert_int_equal(history.keys[5].port, 443);
	assert_int_equal(history.keys[4].month.totals.rx.wire_bytes, 100);
	assert_int_equal(history.keys[5].month.totals.rx.wire_bytes, 7);
	assert_int_equal(history.keys[5].all.totals.rx.wire_bytes, 7);
	v2m_history_clear(&history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(readings_are_kept_by_the_kernels_slots),
		TEST(parts_and_their_resets_survive_a_restart),
		TEST(an_alias_is_joined_with_its_history),
		TEST(an_alias_that_is_not_joined_in_the_file_is_joined_again),
		TEST(joining_in_the_file_is_all_or_nothing),
		TEST(a_join_that_could_not_be_stored_is_in_the_next_store),
		TEST(an_alias_that_is_a_key_again_begins_anew),
		TEST(aliases_of_an_alias_become_aliases_of_the_key_in_the_file),
		TEST(parts_and_aliases_of_a_subject_that_is_lost_are_deleted),
		TEST(a_new_file_gets_aliases_and_parts),
		TEST(impossible_parts_and_aliases_cost_no_totals),
		TEST(bytes_of_a_port_behind_another_are_in_no_date),
		TEST(each_shared_slot_is_an_entry_beside_those_of_its_keys),
	};

	return cmocka_run_group_tests_name("ledger_slots", tests, NULL, NULL);
}
