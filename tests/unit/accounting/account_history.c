// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

struct state {
	struct v2m_account *account;
	struct v2m_keyset *keyset;
	struct one_port one;
	uint64_t mono_s;
	struct v2m_connection_table *table;
};

static const struct key_of two_keys[] = { { "aaaa", 1001 }, { "bbbb", 1002 } };

static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	zone("Europe/Berlin");
	state->account = v2m_account_new();
	state->keyset = keyset_of(two_keys, 2);
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_connection_table_unref(state->table);
	v2m_account_free(state->account);
	v2m_keyset_unref(state->keyset);
	free(state);
	return 0;
}

static void count(struct state *state, uint64_t bytes, const char *utc)
{
	sample_at(&state->one, 1001, bytes, ++state->mono_s);
	state->one.sample.real_us = unix_us(utc);
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
}

/* Accounts connections of port 1001, whose remote ports go from first to last. */
static void dump(struct state *state, uint16_t first, uint16_t last, const char *utc)
{
	v2m_connection_table_unref(state->table);
	state->table = connections_of(1001, first, last);
	assert_int_equal(v2m_account_connections(state->account, state->keyset, state->table, NULL,
						 0, unix_us(utc)),
			 0);
}

static const struct v2m_subject *subject(struct state *state)
{
	return v2m_account_subject(state->account, "aaaa");
}

static const struct v2m_history_figures *day(struct state *state, int32_t date)
{
	const struct v2m_pending *pending = &subject(state)->pending;

	for (size_t i = 0; i < pending->n_days; i++)
		if (pending->days[i].date == date)
			return &pending->days[i].figures;
	fail_msg("no day %d", date);
	return NULL;
}

static uint64_t sum_of_days(struct state *state)
{
	const struct v2m_pending *pending = &subject(state)->pending;
	uint64_t sum = 0;

	for (size_t i = 0; i < pending->n_days; i++)
		sum += pending->days[i].figures.totals.rx.wire_bytes;
	return sum;
}

static void bytes_belong_to_the_local_day_on_which_they_are_counted(void **context)
{
	struct state *state = *context;

	count(state, 100, "2025-08-03T21:59:59");
	count(state, 400, "2025-08-03T22:00:00");
	count(state, 500, "2025-08-03T22:00:01");
	assert_int_equal(subject(state)->pending.n_days, 2);
	assert_int_equal(day(state, 20250803)->totals.rx.wire_bytes, 200);
	assert_int_equal(day(state, 20250804)->totals.rx.wire_bytes, 800);
	assert_int_equal(day(state, 20250804)->totals.tx.payload_bytes, 400);
}

static void hours_begin_where_the_zone_has_them(void **context)
{
	struct state *state = *context;
	const struct v2m_history_hour *hours;

	zone("Asia/Kolkata");
	count(state, 100, "2025-08-04T10:29:59");
	count(state, 400, "2025-08-04T10:30:00");
	hours = subject(state)->pending.hours;
	assert_int_equal(subject(state)->pending.n_hours, 2);
	assert_int_equal(hours[0].figures.totals.rx.wire_bytes, 200);
	assert_int_equal(hours[1].figures.totals.rx.wire_bytes, 600);
	assert_int_equal(hours[1].start_s, unix_us("2025-08-04T10:30:00") / 1000000);
}

static void a_day_of_25_hours_has_25_hours(void **context)
{
	struct state *state = *context;
	const int64_t start = unix_us("2025-10-25T22:00:00");

	for (int64_t minute = 0; minute < 25 * 60; minute++) {
		sample_at(&state->one, 1001, 50 * (uint64_t)(minute + 1), ++state->mono_s);
		state->one.sample.real_us = start + minute * 60 * SECOND_US;
		v2m_account_apply(state->account, state->keyset, &state->one.sample);
	}
	assert_int_equal(subject(state)->pending.n_days, 1);
	assert_int_equal(subject(state)->pending.n_hours, 25);
	assert_int_equal(day(state, 20251026)->totals.rx.wire_bytes, 25 * 60 * 100);
	for (size_t i = 0; i < 25; i++)
		assert_int_equal(subject(state)->pending.hours[i].figures.totals.rx.wire_bytes,
				 6000);
}

static void a_clock_that_jumps_neither_loses_nor_doubles(void **context)
{
	struct state *state = *context;

	count(state, 100, "2025-08-03T12:00:00");
	count(state, 200, "2031-01-01T12:00:00");
	count(state, 300, "1999-08-03T12:00:00");
	count(state, 400, "2025-08-03T12:00:01");
	count(state, 450, "2025-08-03T11:00:01");
	assert_int_equal(day(state, 20250803)->totals.rx.wire_bytes, 500);
	assert_int_equal(day(state, 20310101)->totals.rx.wire_bytes, 200);
	assert_int_equal(day(state, 19990803)->totals.rx.wire_bytes, 200);
	assert_int_equal(sum_of_days(state), 900);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 900);
}

static void a_year_of_a_broken_disk_loses_no_byte_and_stays_bounded(void **context)
{
	struct state *state = *context;
	const int64_t start = unix_us("2025-01-01T12:00:00");

	for (int64_t i = 0; i < 365 * 24; i++) {
		sample_at(&state->one, 1001, 50 * (uint64_t)(i + 1), ++state->mono_s);
		state->one.sample.real_us = start + i * 3600 * SECOND_US;
		v2m_account_apply(state->account, state->keyset, &state->one.sample);
	}
	assert_int_equal(subject(state)->pending.n_days, V2M_PENDING_DAYS);
	assert_int_equal(subject(state)->pending.n_hours, V2M_PENDING_HOURS);
	assert_int_equal(sum_of_days(state), 365 * 24 * 100);
	assert_int_equal(day(state, 20251230)->totals.rx.wire_bytes, 2400);
}

static void the_most_connections_at_once_stay(void **context)
{
	struct state *state = *context;

	dump(state, 1, 3, "2025-08-04T10:00:00");
	dump(state, 1, 7, "2025-08-04T10:00:05");
	dump(state, 1, 2, "2025-08-04T10:00:10");
	assert_int_equal(subject(state)->max_connections, 7);
	assert_int_equal(subject(state)->connections, 2);
	assert_int_equal(day(state, 20250804)->max_connections, 7);
	dump(state, 1, 2, "2025-08-05T10:00:10");
	assert_int_equal(day(state, 20250805)->max_connections, 2);
	assert_int_equal(subject(state)->max_connections, 7);
}

static void sessions_are_the_connections_that_the_last_dump_did_not_have(void **context)
{
	struct state *state = *context;

	dump(state, 1, 10, "2025-08-04T10:00:00");
	assert_int_equal(subject(state)->sessions, 0);
	dump(state, 6, 12, "2025-08-04T10:00:05");
	assert_int_equal(subject(state)->sessions, 2);
	dump(state, 1, 12, "2025-08-04T10:00:10");
	assert_int_equal(subject(state)->sessions, 7);
	assert_int_equal(day(state, 20250804)->sessions, 7);
	assert_int_equal(v2m_account_subject(state->account, "bbbb")->sessions, 0);
}

static void count_opened(struct state *state, const struct v2m_port_sessions opened[2])
{
	assert_int_equal(v2m_account_connections(state->account, state->keyset, state->table,
						 opened, 2, unix_us("2025-08-04T10:00:05")),
			 0);
}

static void sessions_that_somebody_counted_are_taken_as_they_are(void **context)
{
	struct state *state = *context;
	struct v2m_port_sessions opened[] = { { .port = 999, .assigned_ns = 1, .opened = 5 },
					      { .port = 1001, .assigned_ns = 1, .opened = 40 } };

	dump(state, 1, 1, "2025-08-04T10:00:00");
	count_opened(state, opened);
	assert_int_equal(subject(state)->sessions, 40);
	count_opened(state, opened);
	opened[1].opened = 42;
	count_opened(state, opened);
	assert_int_equal(subject(state)->sessions, 42);
	opened[1] = (struct v2m_port_sessions){ .port = 1001, .assigned_ns = 2, .opened = 3 };
	count_opened(state, opened);
	assert_int_equal(subject(state)->sessions, 45);
	assert_int_equal(v2m_account_subject(state->account, "bbbb")->sessions, 0);
}

static void deliver(struct state *state, uint64_t assigned_ns, uint64_t rx, uint64_t tx)
{
	const struct v2m_port_sessions readings[] = {
		{ .port = 999, .delivered = { assigned_ns, 5, 5 } },
		{ .port = 1001, .delivered = { assigned_ns, rx, tx } },
	};

	assert_int_equal(v2m_account_delivered(state->account, state->keyset, readings, 2,
					       unix_us("2025-08-04T10:00:05")),
			 0);
}

static void delivered_bytes_are_those_since_the_last_reading_of_their_counter(void **context)
{
	struct state *state = *context;

	deliver(state, 1, 100, 7000);
	deliver(state, 1, 100, 7000);
	deliver(state, 1, 150, 7001);
	assert_int_equal(subject(state)->lifetime.delivered_rx, 150);
	assert_int_equal(subject(state)->lifetime.delivered_tx, 7001);
	assert_int_equal(day(state, 20250804)->totals.delivered_tx, 7001);
	/* Another counter, and one that began again, have everything that they show. */
	deliver(state, 2, 30, 40);
	deliver(state, 2, 10, 50);
	assert_int_equal(subject(state)->lifetime.delivered_rx, 150 + 30 + 10);
	assert_int_equal(subject(state)->lifetime.delivered_tx, 7001 + 40 + 50);
	/* Nobody measures it. */
	deliver(state, 0, 0, 0);
	deliver(state, 2, 11, 50);
	assert_int_equal(subject(state)->lifetime.delivered_rx, 150 + 30 + 10 + 1);
	assert_int_equal(subject(state)->lifetime.rx.wire_bytes, 0);
	assert_int_equal(v2m_account_subject(state->account, "bbbb")->lifetime.delivered_rx, 0);
}

static void an_unchanged_number_of_connections_is_not_written_again(void **context)
{
	struct state *state = *context;

	dump(state, 1, 3, "2025-08-04T10:00:00");
	v2m_account_mark_stored(state->account);
	dump(state, 1, 3, "2025-08-04T10:00:05");
	assert_false(v2m_account_is_dirty(state->account));
	dump(state, 1, 3, "2025-08-04T11:00:00");
	assert_true(v2m_account_is_dirty(state->account));
	assert_int_equal(day(state, 20250804)->max_connections, 3);
}

static void a_key_that_loses_its_port_has_no_connections(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "aaaa", 0 }, { "bbbb", 1001 } };

	dump(state, 1, 3, "2025-08-04T10:00:00");
	v2m_keyset_unref(state->keyset);
	state->keyset = keyset_of(of, 2);
	dump(state, 1, 3, "2025-08-04T10:00:05");
	assert_int_equal(subject(state)->connections, 0);
	assert_int_equal(v2m_account_subject(state->account, "bbbb")->connections, 3);
}

static void a_period_reset_does_not_touch_the_history(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	count(state, 100, "2025-08-03T12:00:00");
	v2m_account_reset(state->account, "aaaa", 1, &closed, &undo);
	count(state, 150, "2025-08-03T12:00:01");
	assert_int_equal(v2m_subject_history(subject(state)).rx.wire_bytes, 300);
	assert_int_equal(sum_of_days(state), 300);
}

static void a_history_reset_does_not_touch_the_period(void **context)
{
	struct state *state = *context;
	struct v2m_history_undo undo;

	count(state, 100, "2025-08-03T12:00:00");
	dump(state, 1, 3, "2025-08-03T12:00:00");
	assert_int_equal(v2m_account_reset_history(state->account, "aaaa", &undo), 0);
	v2m_history_undo_clear(&undo);
	assert_int_equal(subject(state)->pending.n_days, 0);
	assert_int_equal(subject(state)->max_connections, 0);
	count(state, 150, "2025-08-03T12:00:01");
	dump(state, 1, 3, "2025-08-03T12:00:01");
	assert_int_equal(v2m_subject_history(subject(state)).rx.wire_bytes, 100);
	assert_int_equal(v2m_subject_since_reset(subject(state)).rx.wire_bytes, 300);
	assert_int_equal(sum_of_days(state), 100);
	assert_int_equal(day(state, 20250803)->max_connections, 3);
	assert_int_equal(v2m_account_reset_history(state->account, "nobody", &undo), -ENOENT);
}

static void an_undone_history_reset_gives_everything_back(void **context)
{
	struct state *state = *context;
	struct v2m_history_undo undo;

	count(state, 100, "2025-08-03T12:00:00");
	dump(state, 1, 3, "2025-08-03T12:00:00");
	assert_int_equal(v2m_account_reset_history(state->account, "aaaa", &undo), 0);
	v2m_account_undo_history_reset(state->account, "aaaa", &undo);
	v2m_history_undo_clear(&undo);
	assert_int_equal(v2m_subject_history(subject(state)).rx.wire_bytes, 200);
	assert_int_equal(sum_of_days(state), 200);
	assert_int_equal(subject(state)->max_connections, 3);
}

static void a_subject_remembers_the_last_name_and_port_of_its_key(void **context)
{
	struct state *state = *context;
	const struct key_of of[] = { { "aaaa", 5 } };
	struct v2m_keyset *moved = keyset_of(of, 1);
	struct v2m_keyset *none = keyset_of(NULL, 0);

	count(state, 100, "2025-08-03T12:00:00");
	assert_string_equal(subject(state)->name, "somebody");
	assert_int_equal(subject(state)->port, 1001);
	free(moved->keys[0].name);
	moved->keys[0].name = strdup("renamed");
	v2m_account_mark_stored(state->account);
	sample_at(&state->one, 5, 0, ++state->mono_s);
	v2m_account_apply(state->account, moved, &state->one.sample);
	assert_true(subject(state)->dirty);
	v2m_account_apply(state->account, none, &state->one.sample);
	assert_string_equal(subject(state)->name, "renamed");
	assert_int_equal(subject(state)->port, 5);
	v2m_keyset_unref(moved);
	v2m_keyset_unref(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_belong_to_the_local_day_on_which_they_are_counted),
		TEST(hours_begin_where_the_zone_has_them),
		TEST(a_day_of_25_hours_has_25_hours),
		TEST(a_clock_that_jumps_neither_loses_nor_doubles),
		TEST(a_year_of_a_broken_disk_loses_no_byte_and_stays_bounded),
		TEST(the_most_connections_at_once_stay),
		TEST(sessions_are_the_connections_that_the_last_dump_did_not_have),
		TEST(sessions_that_somebody_counted_are_taken_as_they_are),
		TEST(delivered_bytes_are_those_since_the_last_reading_of_their_counter),
		TEST(an_unchanged_number_of_connections_is_not_written_again),
		TEST(a_key_that_loses_its_port_has_no_connections),
		TEST(a_period_reset_does_not_touch_the_history),
		TEST(a_history_reset_does_not_touch_the_period),
		TEST(an_undone_history_reset_gives_everything_back),
		TEST(a_subject_remembers_the_last_name_and_port_of_its_key),
	};

	return cmocka_run_group_tests_name("account_history", tests, NULL, NULL);
}
