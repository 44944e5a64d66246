// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/ledger/ledger_fixture.h"

static void totals_and_raw_readings_survive_a_restart(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *subject;

	apply(state, 1000, 1);
	store(state);
	restart(state);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_non_null(subject);
	assert_int_equal(subject->lifetime.rx.wire_bytes, 2000);
	assert_int_equal(subject->lifetime.tx.packets, 20);
	assert_int_equal(subject->lifetime.tx.payload_bytes, 1000);
	assert_int_equal(subject->first_seen_us, 1700000001 * SECOND_US);
	assert_int_equal(subject->last_activity_us, 1700000001 * SECOND_US);
	apply(state, 1100, 2);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2200);
}

static void what_was_not_stored_is_counted_from_the_kernel_again(void **context)
{
	struct state *state = *context;

	apply(state, 1000, 1);
	store(state);
	apply(state, 5000, 2);
	restart(state);
	apply(state, 6000, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 12000);
}

/* The maps of an older layout are read before those of the new layout, and cannot be removed. */
static void counters_that_were_left_for_others_are_not_counted_again(void **context)
{
	struct state *state = *context;

	for (uint64_t start = 0; start < 3; start++) {
		apply(state, 1000, 10 * start + 1);
		sample_at(&state->one, 1001, 500 + 100 * start, 10 * start + 2);
		state->one.sample.epoch[0] ^= 1;
		assert_int_equal(
			v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
		store(state);
		restart(state);
	}
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * (1000 + 700));
}

static void readings_of_epochs_long_gone_are_forgotten(void **context)
{
	struct state *state = *context;

	for (uint64_t start = 1; start <= 20; start++) {
		sample_at(&state->one, 1001, 10, start);
		state->one.sample.epoch[0] = (uint8_t)start;
		assert_int_equal(
			v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	}
	store(state);
	restart(state);
	assert_int_equal(query(state, "SELECT count(*) FROM raw"), 8);
	sample_at(&state->one, 1001, 10, 30);
	state->one.sample.epoch[0] = 20;
	v2m_account_apply(state->account, state->keyset, &state->one.sample);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
}

static void the_epoch_in_force_is_kept_however_wrong_the_clock_was(void **context)
{
	struct state *state = *context;

	for (uint64_t start = 1; start <= 20; start++) {
		sample_at(&state->one, 1001, 10, start);
		state->one.sample.epoch[0] = (uint8_t)start;
		state->one.sample.real_us -= (int64_t)start * 86400 * SECOND_US;
		assert_int_equal(
			v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	}
	store(state);
	restart(state);
	sample_at(&state->one, 1001, 10, 30);
	state->one.sample.epoch[0] = 20;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
}

static void a_reset_survives_a_restart(void **context)
{
	struct state *state = *context;
	struct v2m_reset_undo undo;
	struct v2m_totals closed;
	const struct v2m_subject *subject;

	apply(state, 1000, 1);
	v2m_account_reset(state->account, "aaaa", 42, &closed, &undo);
	store(state);
	restart(state);
	apply(state, 1001, 2);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_int_equal(v2m_subject_since_reset(subject).tx.wire_bytes, 2);
	assert_int_equal(v2m_subject_since_reset(subject).tx.packets, 0);
	assert_int_equal(subject->reset_us, 42);
}

/* The sums in memory, and those that SQLite makes. */
static void sums_stop_at_the_largest_counter(void **context)
{
	static const char *const tables[] = { "subjects", "days", "months", "hours" };
	struct state *state = *context;
	char text[128];

	apply(state, INT64_MAX / 2 - 100, 1);
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), INT64_MAX - 201);
	apply(state, INT64_MAX / 2 + 100, 2);
	store(state);
	apply(state, UINT64_MAX, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), INT64_MAX);
	store(state);
	restart(state);
	apply(state, UINT64_MAX, 4);
	store(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), INT64_MAX);
	for (size_t i = 0; i < V2M_ARRAY_LEN(tables); i++) {
		snprintf(text, sizeof(text), "SELECT rx_wire FROM %s", tables[i]);
		assert_int_equal(query(state, text), INT64_MAX);
		snprintf(text, sizeof(text), "SELECT typeof(rx_wire) = 'integer' FROM %s",
			 tables[i]);
		assert_int_equal(query(state, text), 1);
	}
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL), 0);
}

static void every_file_is_private_whatever_the_umask(void **context)
{
	struct state *state = *context;
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	mode_t before;

	close_ledger(state);
	unlink(state->path);
	before = umask(0);
	open_ledger(state);
	umask(before);
	apply(state, 1, 1);
	store(state);
	for (size_t i = 0; i < V2M_ARRAY_LEN(suffixes); i++) {
		char path[128];
		struct stat status;

		snprintf(path, sizeof(path), "%s%s", state->path, suffixes[i]);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
	}
}

/* The subject is written before the raw reading, which is refused. Both are in one transaction. */
static void a_store_that_fails_half_way_stores_nothing(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	apply(state, 1000, 1);
	store(state);
	apply(state, 3000, 2);
	sql(state, "CREATE TRIGGER refuse BEFORE INSERT ON raw"
		   " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(v2m_ledger_store(state->ledger, state->account, &error), 0);
	assert_non_null(strstr(error.text, "refused by the test"));
	assert_true(v2m_account_is_dirty(state->account));
	close_ledger(state);
	sql(state, "DROP TRIGGER refuse");
	open_ledger(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000);
	apply(state, 4000, 3);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 8000);
}

static void a_store_that_failed_is_made_good_by_the_next(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	apply(state, 1000, 1);
	sql(state, "CREATE TRIGGER refuse BEFORE INSERT ON raw"
		   " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END");
	assert_int_not_equal(v2m_ledger_store(state->ledger, state->account, &error), 0);
	sql(state, "DROP TRIGGER refuse");
	apply(state, 1500, 2);
	store(state);
	assert_false(v2m_account_is_dirty(state->account));
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 3000);
}

static void a_damaged_file_is_set_aside_and_a_new_one_begun(void **context)
{
	struct state *state = *context;
	int fd;

	apply(state, 1000, 1);
	store(state);
	close_ledger(state);
	fd = open(state->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "this is no database, it is noise", 32), 32);
	close(fd);
	v2m_log_set_level(V2M_LOG_ERROR);
	open_ledger(state);
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL), 1);
	assert_null(v2m_account_subject(state->account, "aaaa"));
	apply(state, 1000, 2);
	store(state);
}

static void a_file_of_another_program_is_refused_and_not_touched(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };

	close_ledger(state);
	unlink(state->path);
	sql(state, "CREATE TABLE keys (id); PRAGMA application_id = 7");
	assert_int_equal(v2m_ledger_open(state->dir, &ledger, &error), -EPROTO);
	assert_null(ledger);
	assert_non_null(strstr(error.text, "another program"));
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL), 0);
	unlink(state->path);
	open_ledger(state);
}

static void a_newer_schema_is_refused_and_not_touched(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };

	close_ledger(state);
	sql(state, "PRAGMA user_version = 1000");
	assert_int_equal(v2m_ledger_open(state->dir, &ledger, &error), -EPROTO);
	assert_non_null(strstr(error.text, "newer"));
	unlink(state->path);
	open_ledger(state);
}

static void a_state_directory_that_is_missing_is_an_error_that_names_it(void **context)
{
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };

	(void)context;
	assert_int_equal(v2m_ledger_open("/nonexistent/place", &ledger, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/place/ledger.db"));
	assert_null(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(totals_and_raw_readings_survive_a_restart),
		TEST(what_was_not_stored_is_counted_from_the_kernel_again),
		TEST(counters_that_were_left_for_others_are_not_counted_again),
		TEST(readings_of_epochs_long_gone_are_forgotten),
		TEST(the_epoch_in_force_is_kept_however_wrong_the_clock_was),
		TEST(a_reset_survives_a_restart),
		TEST(sums_stop_at_the_largest_counter),
		TEST(every_file_is_private_whatever_the_umask),
		TEST(a_store_that_fails_half_way_stores_nothing),
		TEST(a_store_that_failed_is_made_good_by_the_next),
		TEST(a_damaged_file_is_set_aside_and_a_new_one_begun),
		TEST(a_file_of_another_program_is_refused_and_not_touched),
		TEST(a_newer_schema_is_refused_and_not_touched),
		TEST(a_state_directory_that_is_missing_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
