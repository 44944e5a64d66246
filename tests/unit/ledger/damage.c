// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The file is damaged, at the start or while it is in use. */
#include "unit/ledger/ledger_fixture.h"

#include "base/file.h"

static void damage_to_the_days_at_the_start_costs_no_totals(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *subject;

	some_history(state);
	close_ledger(state);
	destroy(state, "days");
	open_ledger(state);
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
	subject = v2m_account_subject(state->account, "aaaa");
	assert_non_null(subject);
	assert_int_equal(subject->lifetime.rx.wire_bytes, 300);
	assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, 100);
	assert_int_equal(query(state, "SELECT rx_wire FROM months"), 300);
	assert_int_equal(query(state, "SELECT count(*) FROM days"), 0);
	assert_int_equal(query(state, "SELECT count(*) FROM hours"), 2);
	count(state, 200, "2025-08-04T13:00:00");
	store(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
	assert_int_equal(query(state, "SELECT rx_wire FROM months"), 400);
}

/* Renames the subject in the index alone, in a file whose log is empty. */
static void damage_index(struct state *state)
{
	int64_t page = query(state, "SELECT rootpage FROM sqlite_schema WHERE name = "
				    "'sqlite_autoindex_subjects_1'");
	char bytes[4096];
	char *name;
	int fd;

	query(state, "PRAGMA wal_checkpoint(TRUNCATE)");
	fd = open(state->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), (page - 1) * 4096), sizeof(bytes));
	name = memmem(bytes, sizeof(bytes), "aaaa", 4);
	assert_non_null(name);
	assert_int_equal(pwrite(fd, "aaab", 4, (page - 1) * 4096 + (name - bytes)), 4);
	close(fd);
}

/* The next store would not find the subject, and add a second one, with which no start succeeds. */
static void damage_to_an_index_at_the_start_costs_nothing(void **context)
{
	struct state *state = *context;

	some_history(state);
	close_ledger(state);
	damage_index(state);
	open_ledger(state);
	assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
	count(state, 200, "2025-08-04T13:00:00");
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
	assert_int_equal(query(state, "SELECT rx_wire FROM months"), 400);
	assert_int_equal(query(state, "SELECT count(*) FROM subjects"), 1);
}

/* Totals without their readings would be counted a second time. */
static void damage_to_the_readings_at_the_start_begins_everything_anew(void **context)
{
	struct state *state = *context;

	some_history(state);
	close_ledger(state);
	destroy(state, "raw");
	open_ledger(state);
	assert_null(v2m_account_subject(state->account, "aaaa"));
	assert_int_equal(query(state, "SELECT count(*) FROM months"), 0);
	count(state, 200, "2025-08-04T13:00:00");
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
}

static void damage_in_the_middle_of_the_day_costs_what_cannot_be_read_and_no_more(void **context)
{
	struct state *state = *context;
	static const char *const tables[] = { "days", "raw", "subjects", "hours" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(tables); i++) {
		const struct v2m_subject *subject;

		close_ledger(state);
		each_file(state, "*", unlink);
		open_ledger(state);
		some_history(state);
		destroy(state, tables[i]);
		count(state, 200, "2025-08-04T13:00:00");
		store(state);
		assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
		restart(state);
		subject = v2m_account_subject(state->account, "aaaa");
		assert_int_equal(subject->lifetime.rx.wire_bytes, 400);
		assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, 200);
		if (strcmp(tables[i], "subjects") != 0)
			assert_int_equal(query(state, "SELECT rx_wire FROM months"), 400);
		assert_int_equal(stored_day(state, 20250804), i == 0 || i == 2 ? 100 : 200);
		count(state, 250, "2025-08-04T13:00:01");
		assert_int_equal(lifetime_rx(state->account, "aaaa"), 500);
	}
}

static void damage_that_a_question_comes_upon_is_mended_by_the_next_store(void **context)
{
	struct state *state = *context;
	struct v2m_history history = { 0 };
	struct v2m_error error = { 0 };

	some_history(state);
	destroy(state, "days");
	assert_int_equal(v2m_ledger_history_key(state->ledger, state->account, state->keyset,
						&state->keyset->keys[0], &history, &error),
			 -EUCLEAN);
	assert_int_equal(history.n_keys, 0);
	store(state);
	assert_int_equal(stored_day(state, 20250804), 0);
	assert_int_equal(query(state, "SELECT rx_wire FROM months"), 300);
}

/* Renames a file that was set aside: its name has the second in it, and the next one must not find
 * the name taken. */
static int move_away(const char *path)
{
	static unsigned number;
	char to[160];

	snprintf(to, sizeof(to), "%.*s/moved-%u", (int)(strrchr(path, '/') - path), path, number++);
	return rename(path, to);
}

static void a_disk_that_damages_every_file_is_not_filled_with_them(void **context)
{
	struct state *state = *context;
	struct v2m_error error = { 0 };

	count(state, 100, "2025-08-03T12:00:00");
	store(state);
	for (uint64_t i = 1; i <= 5; i++) {
		destroy(state, "raw");
		count(state, 100 + i, "2025-08-03T12:00:01");
		if (i <= 3)
			store(state);
		else
			assert_int_equal(v2m_ledger_store(state->ledger, state->account, &error),
					 -EUCLEAN);
		assert_int_equal(each_file(state, "ledger.db.corrupt-*", move_away) > 0, i <= 3);
	}
	assert_non_null(strstr(error.text, "set aside"));
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 210);
	restart(state);
	count(state, 106, "2025-08-03T12:00:02");
	store(state);
}

/* Values that no version of ours writes. */
static const char *const impossible[] = {
	"UPDATE subjects SET rx_wire = 'many' WHERE name = 'bbbb'",
	"UPDATE subjects SET rx_wire = -1 WHERE name = 'bbbb'",
	"UPDATE subjects SET tx_payload = 1e19 WHERE name = 'bbbb'",
	"UPDATE subjects SET port = 70000 WHERE name = 'bbbb'",
	"UPDATE subjects SET max_connections = 4294967296 WHERE name = 'bbbb'",
	"UPDATE subjects SET reset_us = -5 WHERE name = 'bbbb'",
	"UPDATE subjects SET name = x'00' WHERE name = 'bbbb'",
	"UPDATE subjects SET name = hex(zeroblob(200)) WHERE name = 'bbbb'",
	"UPDATE subjects SET base_rx_wire = rx_wire + 1 WHERE name = 'bbbb'",
	"UPDATE subjects SET history_tx_packets = tx_packets + 1 WHERE name = 'bbbb'",
	"UPDATE raw SET tcp_rx_wire = 'many'",
	"UPDATE raw SET udp_tx_payload = -1",
	"UPDATE raw SET slot = -1",
	"UPDATE raw SET epoch = x'01'",
	"UPDATE socket_overlaps SET rx_wire = -1",
	"UPDATE session_readings SET opened = 0.5",
	"UPDATE session_readings SET slot_number = 131072",
};

static void impossible_values_at_the_start_are_damage(void **context)
{
	struct state *state = *context;
	/* The first ones leave out a subject. The others leave out readings, and everything begins
	 * anew. */
	const size_t n_of_subjects = 10;

	for (size_t i = 0; i < V2M_ARRAY_LEN(impossible); i++) {
		close_ledger(state);
		each_file(state, "*", unlink);
		open_ledger(state);
		some_history(state);
		sql(state, "INSERT INTO subjects (id, name, port, rx_packets, rx_wire, rx_payload,"
			   " tx_packets, tx_wire, tx_payload) SELECT 9, 'bbbb', port, rx_packets,"
			   " rx_wire, rx_payload, tx_packets, tx_wire, tx_payload FROM subjects;"
			   "INSERT INTO socket_overlaps (slot_number) VALUES (1001);"
			   "INSERT INTO session_readings VALUES (1001, 1, 0, 0, 0, 0)");
		sql(state, impossible[i]);
		restart(state);
		assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
		assert_true(v2m_ledger_damaged_us(state->ledger) > 0);
		assert_null(v2m_account_subject(state->account, "bbbb"));
		if (i < n_of_subjects)
			assert_int_equal(lifetime_rx(state->account, "aaaa"), 300);
		else
			assert_null(v2m_account_subject(state->account, "aaaa"));
		count(state, 200, "2025-08-04T13:00:00");
		store(state);
		restart(state);
		assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
		assert_true(v2m_ledger_damaged_us(state->ledger) > 0);
	}
}

static void an_impossible_day_costs_that_day_alone(void **context)
{
	static const char *const days[] = {
		"UPDATE days SET rx_wire = 'many' WHERE date = 20250803",
		"UPDATE days SET sessions = -1 WHERE date = 20250803",
		"UPDATE days SET max_connections = 4294967296 WHERE date = 20250803",
	};
	struct state *state = *context;
	struct v2m_error error = { 0 };

	for (size_t i = 0; i < V2M_ARRAY_LEN(days); i++) {
		struct v2m_history history = { 0 };

		close_ledger(state);
		each_file(state, "*", unlink);
		open_ledger(state);
		some_history(state);
		sql(state, days[i]);
		assert_int_equal(v2m_ledger_history_key(state->ledger, state->account,
							state->keyset, &state->keyset->keys[0],
							&history, &error),
				 -EUCLEAN);
		assert_non_null(strstr(error.text, "days."));
		assert_non_null(strstr(error.text, "expected an integer"));
		assert_null(strstr(error.text, "aaaa"));
		assert_true(v2m_ledger_damaged_us(state->ledger) == 0);
		store(state);
		assert_true(v2m_ledger_damaged_us(state->ledger) > 0);
		assert_int_equal(stored_day(state, 20250803), 0);
		assert_int_equal(stored_day(state, 20250804), 100);
		assert_int_equal(lifetime_rx(state->account, "aaaa"), 300);
	}
}

static void a_version_that_none_has_written_is_damage(void **context)
{
	static const char *const versions[] = { "PRAGMA user_version = -1",
						"PRAGMA user_version = -2147483648",
						"PRAGMA user_version = 0" };
	struct state *state = *context;

	for (size_t i = 0; i < V2M_ARRAY_LEN(versions); i++) {
		close_ledger(state);
		each_file(state, "*", unlink);
		open_ledger(state);
		some_history(state);
		close_ledger(state);
		sql(state, versions[i]);
		open_ledger(state);
		assert_int_equal(each_file(state, "ledger.db.corrupt-*", NULL) > 0, 1);
		assert_int_equal(query(state, "PRAGMA user_version"), V2M_LEDGER_VERSION);
		count(state, 200, "2025-08-04T13:00:00");
		store(state);
		assert_int_equal(lifetime_rx(state->account, "aaaa"), 400);
	}
}

#define DAMAGES 33
#define SPOILT  256

/* In turns: the file ends early, has zeros, or has other bytes, each at another place. */
static void damage_file(const char *path, const char *text, size_t length, size_t i)
{
	V2M_FREE char *copy = malloc(length);
	size_t at = length * (i / 3 + 1) / (DAMAGES / 3 + 2);
	uint64_t random = 0x9e3779b97f4a7c15u + i;
	V2M_FCLOSE FILE *file = fopen(path, "we");

	assert_true(copy && file && at + SPOILT < length);
	memcpy(copy, text, length);
	for (size_t j = 0; j < SPOILT; j++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		copy[at + j] = i % 3 == 1 ? 0 : (char)(random >> 56);
	}
	length = i % 3 == 0 ? at : length;
	assert_int_equal(fwrite(copy, 1, length, file), length);
}

/* A figure is right, or it is not there and the operator is told. */
static void a_ledger_damaged_anywhere_is_right_or_said_to_be_damaged(void **context)
{
	struct state *state = *context;
	V2M_FREE char *text = NULL;
	size_t length = 0;
	size_t said = 0;

	some_history(state);
	close_ledger(state);
	assert_int_equal(v2m_read_file(state->path, 16 << 20, &text, &length), 0);
	for (size_t i = 0; i < DAMAGES; i++) {
		bool is_right;
		bool is_said;

		each_file(state, "ledger.db*", unlink);
		damage_file(state->path, text, length, i);
		open_ledger(state);
		is_right = v2m_account_subject(state->account, "aaaa") &&
			   lifetime_rx(state->account, "aaaa") == 300;
		is_said = v2m_ledger_damaged_us(state->ledger) > 0 ||
			  each_file(state, "ledger.db.corrupt-*", NULL) > 0;
		if (!is_right && !is_said)
			fail_msg("damage %zu is not noticed", i);
		said += is_said;
		close_ledger(state);
	}
	assert_true(said > DAMAGES / 3);
	open_ledger(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(damage_to_the_days_at_the_start_costs_no_totals),
		TEST(damage_to_an_index_at_the_start_costs_nothing),
		TEST(damage_to_the_readings_at_the_start_begins_everything_anew),
		TEST(damage_in_the_middle_of_the_day_costs_what_cannot_be_read_and_no_more),
		TEST(damage_that_a_question_comes_upon_is_mended_by_the_next_store),
		TEST(impossible_values_at_the_start_are_damage),
		TEST(an_impossible_day_costs_that_day_alone),
		TEST(a_version_that_none_has_written_is_damage),
		TEST(a_disk_that_damages_every_file_is_not_filled_with_them),
		TEST(a_ledger_damaged_anywhere_is_right_or_said_to_be_damaged),
	};

	return cmocka_run_group_tests_name("ledger_damage", tests, NULL, NULL);
}
