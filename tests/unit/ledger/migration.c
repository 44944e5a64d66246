// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/ledger/ledger_fixture.h"

/* A file as version 1 made it, with one key and one reading in it. It is not to be changed when the
 * schema changes: it stands for what is on people's disks. */
static const char version_1[] =
	"PRAGMA application_id = 1446137164; PRAGMA user_version = 1;"
	"CREATE TABLE subjects (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" first_seen_us INTEGER NOT NULL, last_activity_us INTEGER NOT NULL,"
	" reset_us INTEGER NOT NULL,"
	" rx_packets INTEGER NOT NULL, rx_wire INTEGER NOT NULL, rx_payload INTEGER NOT NULL,"
	" tx_packets INTEGER NOT NULL, tx_wire INTEGER NOT NULL, tx_payload INTEGER NOT NULL,"
	" base_rx_packets INTEGER NOT NULL, base_rx_wire INTEGER NOT NULL,"
	" base_rx_payload INTEGER NOT NULL, base_tx_packets INTEGER NOT NULL,"
	" base_tx_wire INTEGER NOT NULL, base_tx_payload INTEGER NOT NULL);"
	"CREATE TABLE raw (port INTEGER PRIMARY KEY, epoch BLOB NOT NULL,"
	" assigned_ns INTEGER NOT NULL,"
	" tcp_rx_packets INTEGER NOT NULL, tcp_rx_wire INTEGER NOT NULL,"
	" tcp_rx_payload INTEGER NOT NULL,"
	" tcp_tx_packets INTEGER NOT NULL, tcp_tx_wire INTEGER NOT NULL,"
	" tcp_tx_payload INTEGER NOT NULL,"
	" udp_rx_packets INTEGER NOT NULL, udp_rx_wire INTEGER NOT NULL,"
	" udp_rx_payload INTEGER NOT NULL,"
	" udp_tx_packets INTEGER NOT NULL, udp_tx_wire INTEGER NOT NULL,"
	" udp_tx_payload INTEGER NOT NULL);"
	"INSERT INTO subjects VALUES (3, 'aaaa', 11, 12, 13, 20, 2000, 1000, 20, 2000, 1000,"
	" 5, 500, 250, 6, 600, 300);"
	"INSERT INTO raw VALUES (1001, x'65706f63680000000000000000000000', 1, 10, 1000, 500,"
	" 10, 1000, 500, 10, 1000, 500, 10, 1000, 500);";

/* Takes the place of the fixture's empty file. */
static void begin_with(struct state *state, const char *text)
{
	close_ledger(state);
	each_file(state, "ledger.db*", unlink);
	sql(state, text);
	open_ledger(state);
}

static void a_file_of_version_1_keeps_its_totals_and_goes_on(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *subject;

	begin_with(state, version_1);
	assert_int_equal(query(state, "PRAGMA user_version"), v2m_schema_version());
	subject = v2m_account_subject(state->account, "aaaa");
	assert_non_null(subject);
	assert_int_equal(subject->first_seen_us, 11);
	assert_int_equal(subject->reset_us, 13);
	assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, 1500);
	assert_int_equal(v2m_subject_since_reset(subject).tx.payload_bytes, 700);
	assert_int_equal(v2m_subject_history(subject).rx.wire_bytes, 2000);
	count(state, 1100, "2025-08-03T12:00:00");
	store(state);
	restart(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2200);
	assert_int_equal(query(state, "SELECT rx_wire FROM days"), 200);
	assert_int_equal(query(state, "SELECT subject FROM days"), 3);
}

static void a_migrated_file_has_the_schema_of_a_new_one(void **context)
{
	struct state *state = *context;
	static const char columns[] =
		"SELECT group_concat(m.name || '.' || c.name || ':' || c.type, ',')"
		" FROM sqlite_schema m, pragma_table_info(m.name) c ORDER BY m.name, c.cid";
	char *texts[2];

	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *statement;
		sqlite3 *db;

		assert_int_equal(sqlite3_open(state->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, columns, -1, &statement, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		texts[i] = strdup((const char *)sqlite3_column_text(statement, 0));
		sqlite3_finalize(statement);
		sqlite3_close(db);
		if (i == 0)
			begin_with(state, version_1);
	}
	assert_non_null(strstr(texts[0], "days.date"));
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
}

/* The second step cannot be done: the file stays at version 1, whole. */
static void a_migration_that_fails_leaves_the_file_as_it_was(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };

	begin_with(state, "SELECT 1");
	close_ledger(state);
	each_file(state, "ledger.db*", unlink);
	sql(state, version_1);
	sql(state, "CREATE TABLE hours (something)");
	assert_int_not_equal(v2m_ledger_open(state->dir, &ledger, &error), 0);
	assert_null(ledger);
	assert_non_null(strstr(error.text, "hours"));
	assert_int_equal(query(state, "PRAGMA user_version"), 1);
	assert_int_equal(query(state, "SELECT count(*) FROM sqlite_schema WHERE name = 'days'"), 0);
	sql(state, "DROP TABLE hours");
	open_ledger(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_version_1_keeps_its_totals_and_goes_on),
		TEST(a_migrated_file_has_the_schema_of_a_new_one),
		TEST(a_migration_that_fails_leaves_the_file_as_it_was),
	};

	return cmocka_run_group_tests_name("ledger_migration", tests, NULL, NULL);
}
