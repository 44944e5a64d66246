// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/ledger/ledger_fixture.h"

static struct v2m_history history_of(struct state *state)
{
	struct v2m_history history = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_ledger_history_key(state->ledger, state->account, state->keyset,
				   &state->keyset->keys[0], &history, &error))
		fail_msg("%s", error.text);
	assert_int_equal(history.n_keys, 1);
	return history;
}

static struct v2m_history month_of(struct state *state, int32_t month)
{
	struct v2m_history history = { 0 };
	struct v2m_error error = { 0 };

	if (v2m_ledger_history_key_month(state->ledger, state->account, state->keyset,
					 &state->keyset->keys[0], month, &history, &error))
		fail_msg("%s", error.text);
	return history;
}

static struct v2m_history_date date_of(struct state *state, int32_t date)
{
	struct v2m_history_date out;
	struct v2m_error error = { 0 };

	if (v2m_ledger_history_date(state->ledger, state->account, date, &out, &error))
		fail_msg("%s", error.text);
	return out;
}

static void assert_day(const struct v2m_history *history, size_t i, int32_t date, uint64_t rx)
{
	assert_true(i < history->keys->n_days);
	assert_int_equal(history->keys->days[i].date, date);
	assert_int_equal(history->keys->days[i].figures.totals.rx.wire_bytes, rx);
}

static void days_are_the_same_stored_half_stored_and_pending(void **context)
{
	struct state *state = *context;

	count(state, 100, "2025-08-03T12:00:00");
	store(state);
	count(state, 150, "2025-08-03T13:00:00");
	count(state, 450, "2025-08-04T12:00:00");
	for (int stored = 0; stored < 3; stored++) {
		struct v2m_history history = history_of(state);

		assert_int_equal(history.keys->n_days, 2);
		assert_day(&history, 0, 20250803, 300);
		assert_day(&history, 1, 20250804, 600);
		assert_int_equal(history.keys->all.totals.rx.wire_bytes, 900);
		v2m_history_clear(&history);
		store(state);
		if (stored == 1)
			restart(state);
	}
}

static void a_day_is_not_doubled_by_a_store_that_failed(void **context)
{
	struct state *state = *context;
	struct v2m_history history;
	struct v2m_error error;

	count(state, 100, "2025-08-03T12:00:00");
	sql(state, "CREATE TRIGGER refuse BEFORE INSERT ON raw"
		   " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(v2m_ledger_store(state->ledger, state->account, &error), 0);
	count(state, 150, "2025-08-03T12:01:00");
	assert_int_not_equal(v2m_ledger_store(state->ledger, state->account, &error), 0);
	sql(state, "DROP TRIGGER refuse");
	store(state);
	store(state);
	history = history_of(state);
	assert_day(&history, 0, 20250803, 300);
	v2m_history_clear(&history);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM months"), 300);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM hours"), 300);
}

static void connections_and_sessions_are_in_the_day(void **context)
{
	struct state *state = *context;
	struct v2m_history history;

	dump(state, 1, 5, "2025-08-03T12:00:00");
	dump(state, 3, 6, "2025-08-03T12:00:05");
	store(state);
	dump(state, 6, 8, "2025-08-03T12:00:10");
	store(state);
	restart(state);
	history = history_of(state);
	assert_int_equal(history.keys->days[0].figures.max_connections, 5);
	assert_int_equal(history.keys->days[0].figures.sessions, 3);
	assert_int_equal(history.keys->all.max_connections, 5);
	assert_int_equal(history.keys->all.sessions, 3);
	assert_false(history.keys->is_active);
	v2m_history_clear(&history);
	dump(state, 6, 8, "2025-08-03T12:00:15");
	history = history_of(state);
	assert_true(history.keys->is_active);
	assert_int_equal(history.keys->all.sessions, 3);
	v2m_history_clear(&history);
}

static void a_month_is_the_sum_of_its_days(void **context)
{
	struct state *state = *context;
	struct v2m_history month;
	struct v2m_history all = { 0 };
	struct v2m_error error;

	count(state, 100, "2025-07-31T12:00:00");
	count(state, 150, "2025-08-01T12:00:00");
	store(state);
	count(state, 300, "2025-08-31T12:00:00");
	count(state, 700, "2025-08-31T22:00:00");
	month = month_of(state, 202508);
	assert_int_equal(month.month, 202508);
	assert_int_equal(month.keys->month.totals.rx.wire_bytes, 400);
	assert_int_equal(month.keys->n_days, 2);
	assert_day(&month, 0, 20250801, 100);
	assert_day(&month, 1, 20250831, 300);
	v2m_history_clear(&month);
	assert_int_equal(v2m_ledger_history_month(state->ledger, state->account, state->keyset,
						  202509, &all, &error),
			 0);
	assert_int_equal(all.keys->month.totals.rx.wire_bytes, 800);
	assert_int_equal(all.keys->all.totals.rx.wire_bytes, 1400);
	assert_string_equal(all.keys->uuid, "aaaa");
	v2m_history_clear(&all);
}

static void a_date_sums_all_subjects_and_is_zero_where_nothing_was(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "bbbb", 1001 } };
	struct v2m_keyset *other = keyset_of(of, 1);
	struct v2m_history_date date;

	count(state, 100, "2025-08-03T12:00:00");
	dump(state, 1, 4, "2025-08-03T12:00:00");
	store(state);
	v2m_keyset_unref(state->keyset);
	state->keyset = other;
	count(state, 150, "2025-08-03T13:00:00");
	dump(state, 1, 3, "2025-08-03T13:00:00");
	date = date_of(state, 20250803);
	assert_int_equal(date.totals.rx.wire_bytes, 300);
	assert_int_equal(date.connections, 7);
	assert_int_equal(date.active_keys, 2);
	store(state);
	assert_int_equal(date_of(state, 20250803).connections, 7);
	date = date_of(state, 20250804);
	assert_int_equal(date.totals.rx.wire_bytes, 0);
	assert_int_equal(date.active_keys, 0);
	assert_int_equal(date.date, 20250804);
}

static void the_repeated_hour_stays_two_rows(void **context)
{
	struct state *state = *context;
	struct v2m_history_hour *hours = NULL;
	struct v2m_error error;
	size_t n = 0;

	count(state, 100, "2025-10-26T00:30:00");
	store(state);
	count(state, 300, "2025-10-26T01:30:00");
	for (int stored = 0; stored < 2; stored++) {
		assert_int_equal(v2m_ledger_history_hours(state->ledger, state->account, "aaaa",
							  20251026, 20251026, &hours, &n, &error),
				 0);
		assert_int_equal(n, 2);
		assert_int_equal(hours[0].utc_offset_s, 7200);
		assert_int_equal(hours[0].figures.totals.rx.wire_bytes, 200);
		assert_int_equal(hours[1].utc_offset_s, 3600);
		assert_int_equal(hours[1].figures.totals.rx.wire_bytes, 400);
		free(hours);
		store(state);
	}
	assert_int_equal(query(state, "SELECT count(*) FROM hours"), 2);
	assert_int_equal(query(state, "SELECT count(*) FROM days WHERE date = 20251026"), 1);
}

static void a_zone_west_of_greenwich_has_its_offset_back(void **context)
{
	struct state *state = *context;
	struct v2m_history_hour *hours = NULL;
	struct v2m_error error;
	size_t n = 0;

	zone("America/St_Johns");
	count(state, 100, "2025-08-04T02:29:00");
	store(state);
	assert_int_equal(v2m_ledger_history_hours(state->ledger, state->account, "aaaa", 20250803,
						  20250803, &hours, &n, &error),
			 0);
	assert_int_equal(n, 1);
	assert_int_equal(hours[0].utc_offset_s, -9000);
	assert_int_equal(query(state, "SELECT date FROM days"), 20250803);
	free(hours);
}

static void a_history_reset_is_durable_and_leaves_the_rest(void **context)
{
	struct state *state = *context;
	struct v2m_history history;
	struct v2m_error error;

	count(state, 100, "2025-08-03T12:00:00");
	store(state);
	count(state, 200, "2025-08-04T12:00:00");
	assert_int_equal(v2m_ledger_history_reset(state->ledger, state->account, "aaaa", &error),
			 0);
	restart(state);
	count(state, 250, "2025-08-05T12:00:00");
	history = history_of(state);
	assert_int_equal(history.keys->n_days, 1);
	assert_day(&history, 0, 20250805, 100);
	assert_int_equal(history.keys->all.totals.rx.wire_bytes, 100);
	v2m_history_clear(&history);
	assert_int_equal(query(state, "SELECT count(*) FROM months"), 0);
	assert_int_equal(query(state, "SELECT count(*) FROM hours"), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 500);
	assert_int_equal(v2m_ledger_history_reset(state->ledger, state->account, "nobody", &error),
			 -ENOENT);
}

static void a_history_reset_that_cannot_be_stored_changes_nothing(void **context)
{
	struct state *state = *context;
	struct v2m_history history;
	struct v2m_error error;

	count(state, 100, "2025-08-03T12:00:00");
	store(state);
	count(state, 200, "2025-08-04T12:00:00");
	sql(state, "CREATE TRIGGER refuse BEFORE INSERT ON raw"
		   " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(
		v2m_ledger_history_reset(state->ledger, state->account, "aaaa", &error), 0);
	sql(state, "DROP TRIGGER refuse");
	for (int stored = 0; stored < 2; stored++) {
		history = history_of(state);
		assert_int_equal(history.keys->n_days, 2);
		assert_day(&history, 1, 20250804, 200);
		assert_int_equal(history.keys->all.totals.rx.wire_bytes, 400);
		v2m_history_clear(&history);
		store(state);
	}
}

static void a_cleanup_takes_old_days_and_leaves_months_and_totals(void **context)
{
	struct state *state = *context;
	struct v2m_history history;
	struct v2m_history month;
	struct v2m_error error;

	count(state, 100, "2025-07-04T12:00:00");
	store(state);
	count(state, 200, "2025-07-05T12:00:00");
	count(state, 300, "2025-08-04T12:00:00");
	assert_int_equal(v2m_ledger_history_cleanup(state->ledger, state->account, 30,
						    unix_us("2025-08-04T12:00:00"), &error),
			 0);
	history = history_of(state);
	assert_int_equal(history.keys->n_days, 2);
	assert_day(&history, 0, 20250705, 200);
	assert_int_equal(history.keys->all.totals.rx.wire_bytes, 600);
	v2m_history_clear(&history);
	month = month_of(state, 202507);
	assert_int_equal(month.keys->month.totals.rx.wire_bytes, 400);
	assert_int_equal(month.keys->n_days, 1);
	v2m_history_clear(&month);
	assert_int_equal(query(state, "SELECT count(*) FROM hours"), 2);
	assert_int_equal(v2m_ledger_history_cleanup(state->ledger, state->account, 0,
						    unix_us("2025-08-04T12:00:00"), &error),
			 0);
	assert_int_equal(query(state, "SELECT count(*) FROM days"), 1);
}

static void what_is_too_old_expires_once_the_clock_has_been_steady_for_an_hour(void **context)
{
	struct state *state = *context;
	const struct v2m_ledger_retention retention = { .days = 10, .hours = 48 };
	const int64_t start = unix_us("2025-08-20T12:00:00");
	struct v2m_error error;

	v2m_ledger_set_retention(state->ledger, &retention);
	count(state, 100, "2025-08-09T12:00:00");
	count(state, 200, "2025-08-10T12:00:00");
	count(state, 300, "2025-08-20T11:00:00");
	store(state);
	for (int64_t minute = 0; minute <= 60; minute++) {
		assert_int_equal(query(state, "SELECT count(*) FROM days"), 3);
		assert_int_equal(v2m_ledger_expire(state->ledger, state->account,
						   (uint64_t)(minute + 1) * 60 * SECOND_NS,
						   start + minute * 60 * SECOND_US, &error),
				 0);
	}
	assert_int_equal(query(state, "SELECT count(*) FROM days"), 2);
	assert_int_equal(query(state, "SELECT count(*) FROM hours"), 1);
	assert_int_equal(query(state, "SELECT sum(rx_wire) FROM months"), 600);
}

static void an_expiry_that_fails_is_tried_again_in_an_hour(void **context)
{
	struct state *state = *context;
	const int64_t start = unix_us("2027-08-20T12:00:00");
	struct v2m_error error;
	unsigned failures = 0;

	count(state, 100, "2025-08-09T12:00:00");
	store(state);
	sql(state, "CREATE TRIGGER refuse BEFORE DELETE ON days"
		   " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	for (int64_t minute = 0; minute <= 150; minute++)
		failures += v2m_ledger_expire(state->ledger, state->account,
					      (uint64_t)(minute + 1) * 60 * SECOND_NS,
					      start + minute * 60 * SECOND_US, &error) != 0;
	assert_int_equal(failures, 2);
	assert_int_equal(query(state, "SELECT count(*) FROM days"), 1);
}

/* The clock says 2038 for half an hour, then the right time. */
static void a_clock_that_is_wrong_for_a_while_takes_no_history_along(void **context)
{
	struct state *state = *context;
	const int64_t right = unix_us("2025-08-20T12:00:00");
	const int64_t wrong = unix_us("2038-01-19T03:14:07");
	struct v2m_error error;

	count(state, 100, "2025-08-09T12:00:00");
	store(state);
	for (int64_t minute = 1; minute <= 100; minute++)
		assert_int_equal(
			v2m_ledger_expire(
				state->ledger, state->account, (uint64_t)minute * 60 * SECOND_NS,
				(minute <= 50 ? wrong : right) + minute * 60 * SECOND_US, &error),
			0);
	assert_int_equal(query(state, "SELECT count(*) FROM days"), 1);
}

static void a_shared_port_is_an_entry_without_a_key(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "one", 443 }, { "two", 443 }, { "three", 5 } };
	struct v2m_keyset *keyset = keyset_of(of, 3);
	struct v2m_history history = { 0 };
	struct v2m_error error;

	sample_at(&state->one, 443, 50, 1);
	v2m_account_apply(state->account, keyset, &state->one.sample);
	store(state);
	assert_int_equal(v2m_ledger_history_month(state->ledger, state->account, keyset, 202311,
						  &history, &error),
			 0);
	assert_int_equal(history.n_keys, 4);
	assert_true(history.keys[0].shares_port);
	assert_int_equal(history.keys[0].month.totals.rx.wire_bytes, 0);
	assert_false(history.keys[2].shares_port);
	assert_true(history.keys[3].slot_number);
	assert_null(history.keys[3].uuid);
	assert_int_equal(history.keys[3].port, 443);
	assert_int_equal(history.keys[3].month.totals.rx.wire_bytes, 100);
	assert_int_equal(history.keys[3].all.totals.rx.wire_bytes, 100);
	v2m_history_clear(&history);
	v2m_keyset_unref(keyset);
}

static void the_last_name_and_port_of_a_removed_key_are_kept(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *subject;

	count(state, 100, "2025-08-03T12:00:00");
	store(state);
	restart(state);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_string_equal(subject->name, "somebody");
	assert_int_equal(subject->port, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(days_are_the_same_stored_half_stored_and_pending),
		TEST(a_day_is_not_doubled_by_a_store_that_failed),
		TEST(connections_and_sessions_are_in_the_day),
		TEST(a_month_is_the_sum_of_its_days),
		TEST(a_date_sums_all_subjects_and_is_zero_where_nothing_was),
		TEST(the_repeated_hour_stays_two_rows),
		TEST(a_zone_west_of_greenwich_has_its_offset_back),
		TEST(a_history_reset_is_durable_and_leaves_the_rest),
		TEST(a_history_reset_that_cannot_be_stored_changes_nothing),
		TEST(a_cleanup_takes_old_days_and_leaves_months_and_totals),
		TEST(what_is_too_old_expires_once_the_clock_has_been_steady_for_an_hour),
		TEST(an_expiry_that_fails_is_tried_again_in_an_hour),
		TEST(a_clock_that_is_wrong_for_a_while_takes_no_history_along),
		TEST(a_shared_port_is_an_entry_without_a_key),
		TEST(the_last_name_and_port_of_a_removed_key_are_kept),
	};

	return cmocka_run_group_tests_name("ledger_history", tests, NULL, NULL);
}
