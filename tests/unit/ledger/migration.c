// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that earlier versions wrote. Do not change their SQL when the schema changes: it stands for
 * the files on people's disks. */
#include "unit/ledger/ledger_fixture.h"

#define EPOCH        "x'65706f63680000000000000000000000'" /* "epoch", as in the fixture */
#define COUNTS       "10, 1000, 500"
#define EACH_OF_FOUR COUNTS ", " COUNTS ", " COUNTS ", " COUNTS

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
	"INSERT INTO raw VALUES (1001, " EPOCH ", 1, " EACH_OF_FOUR ");";

/* Changes a file of version 1 to version 2. */
#define FIGURES                                                                                    \
	" rx_packets INTEGER NOT NULL, rx_wire INTEGER NOT NULL, rx_payload INTEGER NOT NULL,"     \
	" tx_packets INTEGER NOT NULL, tx_wire INTEGER NOT NULL, tx_payload INTEGER NOT NULL,"     \
	" max_connections INTEGER NOT NULL, sessions INTEGER NOT NULL,"
static const char to_version_2[] =
	"PRAGMA user_version = 2;"
	"ALTER TABLE subjects ADD COLUMN key_name TEXT;"
	"ALTER TABLE subjects ADD COLUMN port INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN max_connections INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN sessions INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN history_rx_packets INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN history_rx_wire INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN history_rx_payload INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN history_tx_packets INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN history_tx_wire INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE subjects ADD COLUMN history_tx_payload INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE days (date INTEGER NOT NULL, subject INTEGER NOT NULL," FIGURES
	" PRIMARY KEY (date, subject)) WITHOUT ROWID;"
	"CREATE INDEX days_of_subject ON days (subject, date);"
	"CREATE TABLE months (month INTEGER NOT NULL, subject INTEGER NOT NULL," FIGURES
	" PRIMARY KEY (month, subject)) WITHOUT ROWID;"
	"CREATE TABLE hours (start_s INTEGER NOT NULL, utc_offset_s INTEGER NOT NULL,"
	" subject INTEGER NOT NULL," FIGURES
	" PRIMARY KEY (start_s, utc_offset_s, subject)) WITHOUT ROWID;"
	"CREATE INDEX hours_of_subject ON hours (subject, start_s);"
	"UPDATE subjects SET key_name = 'Ann', port = 1001, max_connections = 7, sessions = 70,"
	" history_rx_wire = 100;"
	"INSERT INTO days VALUES (20250802, 3, 1, 150, 75, 2, 250, 125, 5, 50);"
	"INSERT INTO months VALUES (202508, 3, 1, 150, 75, 2, 250, 125, 5, 50);"
	"INSERT INTO hours VALUES (1754136000, 7200, 3, 1, 150, 75, 2, 250, 125, 5, 50);";

/* Changes a file of version 2 to version 3: readings have an epoch, but two of these epochs are
 * none.
 */
static const char to_version_3[] =
	"PRAGMA user_version = 3;"
	"CREATE TABLE readings (port INTEGER NOT NULL, epoch BLOB NOT NULL,"
	" read_us INTEGER NOT NULL, assigned_ns INTEGER NOT NULL,"
	" tcp_rx_packets INTEGER NOT NULL, tcp_rx_wire INTEGER NOT NULL,"
	" tcp_rx_payload INTEGER NOT NULL,"
	" tcp_tx_packets INTEGER NOT NULL, tcp_tx_wire INTEGER NOT NULL,"
	" tcp_tx_payload INTEGER NOT NULL,"
	" udp_rx_packets INTEGER NOT NULL, udp_rx_wire INTEGER NOT NULL,"
	" udp_rx_payload INTEGER NOT NULL,"
	" udp_tx_packets INTEGER NOT NULL, udp_tx_wire INTEGER NOT NULL,"
	" udp_tx_payload INTEGER NOT NULL, UNIQUE (port, epoch));"
	"INSERT INTO readings VALUES (1001, " EPOCH ", 9, 1, " EACH_OF_FOUR ");"
	"INSERT INTO readings VALUES (1001, x'736f636b65745f6f7665726c61700000', 10, 0,"
	" 0, 60, 30, 0, 40, 20, 0, 0, 0, 0, 0, 0);"
	"INSERT INTO readings VALUES (1001, x'73657373696f6e730000000000000000', 11, 5,"
	" 33, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
	"DROP TABLE raw;"
	"ALTER TABLE readings RENAME TO raw;";

static const char to_version_4[] =
	"PRAGMA user_version = 4;"
	"CREATE TABLE identity (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
	"INSERT INTO identity VALUES (1, 'who');"
	"CREATE TABLE imports (source TEXT NOT NULL, subject TEXT NOT NULL,"
	" document TEXT NOT NULL, imported_us INTEGER NOT NULL,"
	" PRIMARY KEY (source, subject)) WITHOUT ROWID;"
	"INSERT INTO imports VALUES ('other', 'aaaa', 'd', 14);"
	"CREATE INDEX months_of_subject ON months (subject, month);";

/* Changes a file of version 4 to version 5: what is no epoch has tables of its own. */
static const char to_version_5[] =
	"PRAGMA user_version = 5;"
	"CREATE TABLE socket_overlaps (port INTEGER NOT NULL,"
	" rx_packets INTEGER NOT NULL DEFAULT 0, rx_wire INTEGER NOT NULL DEFAULT 0,"
	" rx_payload INTEGER NOT NULL DEFAULT 0, tx_packets INTEGER NOT NULL DEFAULT 0,"
	" tx_wire INTEGER NOT NULL DEFAULT 0, tx_payload INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (port));"
	"INSERT INTO socket_overlaps VALUES (1001, 0, 60, 30, 0, 40, 20);"
	"CREATE TABLE session_readings (port INTEGER NOT NULL, assigned_ns INTEGER NOT NULL,"
	" opened INTEGER NOT NULL DEFAULT 0, UNIQUE (port));"
	"INSERT INTO session_readings VALUES (1001, 5, 33);"
	"DELETE FROM raw WHERE epoch != " EPOCH ";";

/* Changes a file of version 5 to version 6: slots have numbers of their own. */
static const char to_version_6[] =
	"PRAGMA user_version = 6;"
	"ALTER TABLE raw RENAME COLUMN port TO slot;"
	"UPDATE raw SET slot = slot + 65536;"
	"ALTER TABLE socket_overlaps RENAME COLUMN port TO slot_number;"
	"ALTER TABLE session_readings RENAME COLUMN port TO slot_number;";

static const char *const changes[] = { version_1,    to_version_2, to_version_3,
				       to_version_4, to_version_5, to_version_6 };

/* Writes a file of that version in place of the fixture's empty file. */
static void write_file(struct state *state, int version)
{
	close_ledger(state);
	each_file(state, "ledger.db*", unlink);
	for (int i = 0; i < version; i++)
		sql(state, changes[i]);
}

static void begin_with(struct state *state, int version)
{
	write_file(state, version);
	open_ledger(state);
}

static void a_file_of_every_version_keeps_its_totals_and_goes_on(void **context)
{
	struct state *state = *context;
	const struct v2m_subject *subject;

	for (int version = 1; version < V2M_LEDGER_VERSION; version++) {
		begin_with(state, version);
		assert_int_equal(query(state, "PRAGMA user_version"), V2M_LEDGER_VERSION);
		subject = v2m_account_subject(state->account, "aaaa");
		assert_non_null(subject);
		assert_int_equal(subject->first_seen_us, 11);
		assert_int_equal(subject->last_activity_us, 12);
		assert_int_equal(subject->reset_us, 13);
		assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes, 1500);
		assert_int_equal(v2m_subject_since_reset(subject).tx.payload_bytes, 700);
		assert_int_equal(v2m_subject_history(subject).rx.wire_bytes,
				 version == 1 ? 2000 : 1900);
		assert_int_equal(subject->sessions, version == 1 ? 0 : 70);
		assert_int_equal(subject->max_connections, version == 1 ? 0 : 7);
		state->mono_s = 0;
		count(state, 1100, "2025-08-03T12:00:00");
		store(state);
		restart(state);
		/* From version 3 on, the file says that the sockets saw 60 of the 200 bytes. */
		assert_int_equal(lifetime_rx(state->account, "aaaa"), version < 3 ? 2200 : 2140);
		assert_int_equal(query(state, "SELECT subject FROM days WHERE date = 20250803"), 3);
		assert_int_equal(stored_day(state, 20250802), version == 1 ? 0 : 150);
		assert_int_equal(query(state, "SELECT sum(rx_wire) FROM hours"), version == 1 ? 200
										 : version == 2
											 ? 350
											 : 290);
		assert_int_equal(query(state, "SELECT count(*) FROM imports"), version >= 4);
		assert_int_equal(query(state, "SELECT count(*) FROM identity"), 1);
	}
}

static void what_was_no_epoch_gets_its_own_table(void **context)
{
	struct state *state = *context;
	const struct v2m_port_sessions opened = { .port = 1001, .assigned_ns = 5, .opened = 36 };

	for (int version = 4; version <= 5; version++) {
		begin_with(state, version);
		assert_int_equal(query(state, "SELECT count(*) FROM raw"), 1);
		assert_int_equal(query(state, "SELECT rx_wire FROM socket_overlaps"
					      " WHERE slot_number = 1001"),
				 60);
		assert_int_equal(query(state, "SELECT tx_wire FROM socket_overlaps"), 40);
		assert_int_equal(query(state, "SELECT opened FROM session_readings"
					      " WHERE slot_number = 1001"),
				 33);
		assert_int_equal(
			v2m_account_connections(state->account, state->keyset, NULL, &opened, 1, 1),
			0);
		assert_int_equal(v2m_account_subject(state->account, "aaaa")->sessions, 73);
		store(state);
		assert_int_equal(query(state, "SELECT opened FROM session_readings"), 36);
	}
}

/* Applies a reading of port 1001, from the maps of an earlier version or of this one. */
static void count_slot(struct state *state, const char *epoch, bool is_old, uint64_t bytes)
{
	sample_at(&state->one, 1001, bytes, ++state->mono_s);
	memset(state->one.sample.epoch, 0, V2M_EPOCH_LEN);
	memcpy(state->one.sample.epoch, epoch, strlen(epoch));
	state->one.port.slot = is_old ? 99 : 0;
	if (is_old)
		state->one.port.transports = 0;
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
}

/* Maps of an earlier layout stay pinned, and are read before those of this one. Maps of the present
 * layout are read as before, and a slot has its own index now. */
static void counters_of_an_earlier_version_are_continued(void **context)
{
	struct state *state = *context;

	for (int i = 2; i < 2 * V2M_LEDGER_VERSION; i++) {
		int version = i / 2;
		bool is_old = i % 2;

		begin_with(state, version);
		sql(state, "UPDATE socket_overlaps SET rx_wire = 0, rx_payload = 0, tx_wire = 0,"
			   " tx_payload = 0");
		restart(state);
		state->mono_s = 0;
		for (uint64_t start = 0; start < 3; start++) {
			count_slot(state, "epoch", is_old, 1100);
			count_slot(state, "another", false, 50 + start);
			store(state);
			restart(state);
			state->mono_s = 0;
		}
		assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * (1100 + 52));
		assert_int_equal(query(state, "SELECT count(*) FROM raw"), is_old ? 2 : 3);
	}
}

/* The slot has been given to another rule since the reading was stored. */
static void a_new_counter_of_a_known_port_counts_whole(void **context)
{
	struct state *state = *context;

	begin_with(state, V2M_LEDGER_VERSION - 1);
	sql(state, "UPDATE raw SET assigned_ns = 7");
	restart(state);
	state->mono_s = 0;
	count_slot(state, "epoch", false, 2000);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2 * (1000 + 2000));
}

/* The key has another id now, because its port is one of several. */
static void the_subjects_of_every_version_are_joined(void **context)
{
	static const struct key_on keys[] = {
		{ .uuid = "key",
		  .spans = { { 443, 443, V2M_TCP, false, 0 },
			     { 1001, 1001, V2M_TCP | V2M_UDP, false, 0 } },
		  .aliases = { "aaaa" } },
	};
	struct state *state = *context;

	for (int version = 1; version < V2M_LEDGER_VERSION; version++) {
		const struct v2m_subject *subject;

		begin_with(state, version);
		use_keys(state, keys, 1);
		state->mono_s = 0;
		count_slot(state, "epoch", true, 1100);
		store(state);
		restart(state);
		subject = v2m_account_subject(state->account, "key");
		assert_null(v2m_account_subject(state->account, "aaaa"));
		assert_int_equal(subject->lifetime.rx.wire_bytes, version < 3 ? 2200 : 2140);
		assert_int_equal(v2m_subject_since_reset(subject).rx.wire_bytes,
				 version < 3 ? 1700 : 1640);
		assert_int_equal(subject->sessions, version == 1 ? 0 : 70);
		assert_int_equal(stored_day(state, 20250802), version == 1 ? 0 : 150);
		/* Before version 2, the port was not stored. */
		assert_int_equal(v2m_parts_find(&subject->parts, 1001)->lifetime.rx.wire_bytes,
				 version == 1   ? 200
				 : version == 2 ? 2200
						: 2140);
	}
}

static char *schema_of(struct state *state)
{
	static const char columns[] =
		"SELECT group_concat(line) FROM (SELECT m.name || '.' || coalesce(c.name, '')"
		" || ':' || coalesce(c.type, '') || coalesce(c.pk, '') ||"
		" coalesce(c.\"notnull\", '') AS line FROM sqlite_schema m"
		" LEFT JOIN pragma_table_info(m.name) c ORDER BY m.name, c.cid)";
	sqlite3_stmt *statement;
	char *text;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(state->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, columns, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	text = strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return text;
}

static void a_migrated_file_has_the_schema_of_a_new_one(void **context)
{
	struct state *state = *context;
	char *fresh = schema_of(state);

	assert_non_null(strstr(fresh, "days.date"));
	for (int version = 1; version < V2M_LEDGER_VERSION; version++) {
		char *migrated;

		begin_with(state, version);
		migrated = schema_of(state);
		assert_string_equal(migrated, fresh);
		assert_int_equal(query(state, "SELECT count(*) FROM sqlite_schema"
					      " WHERE name LIKE '%_of_subject'"),
				 3);
		free(migrated);
	}
	free(fresh);
}

/* A table that is in the way makes a step fail. */
static void a_migration_that_fails_leaves_the_file_as_it_was(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };

	for (int version = 1; version < V2M_LEDGER_VERSION; version++) {
		const char *name = version == 1 ? "hours" : version == 2 ? "readings" : "identity";

		write_file(state, version);
		if (version == 4) {
			name = "session_readings";
			sql(state, "CREATE VIEW session_readings AS SELECT 1 AS something");
		} else if (version == 5) {
			name = "parts";
			sql(state, "CREATE VIEW parts AS SELECT 1 AS something");
		} else if (version == 6) {
			name = "set_aside";
			sql(state, "CREATE VIEW set_aside AS SELECT 1 AS something");
		} else {
			char text[64];

			snprintf(text, sizeof(text), "CREATE TABLE %s (something)", name);
			sql(state, text);
		}
		assert_int_not_equal(v2m_ledger_open(state->dir, &ledger, &error), 0);
		assert_null(ledger);
		assert_non_null(strstr(error.text, name));
		assert_int_equal(query(state, "PRAGMA user_version"), version);
		assert_int_equal(query(state, "SELECT count(*) FROM sqlite_schema"
					      " WHERE name = 'socket_overlaps'"),
				 version >= 5);
		sql(state, version == 6   ? "DROP VIEW set_aside"
			   : version == 5 ? "DROP VIEW parts"
			   : version == 4 ? "DROP VIEW session_readings"
			   : version == 1 ? "DROP TABLE hours"
			   : version == 2 ? "DROP TABLE readings"
					  : "DROP TABLE identity");
		open_ledger(state);
		assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000);
	}
}

static void the_file_as_it_was_is_kept_for_the_way_back(void **context)
{
	struct state *state = *context;
	char copy[128];
	struct stat status;

	for (int version = 1; version < V2M_LEDGER_VERSION; version++) {
		char now[96];

		begin_with(state, version);
		state->mono_s = 0;
		count(state, 5000, "2025-08-03T12:00:00");
		store(state);
		snprintf(copy, sizeof(copy), "%s.v%d", state->path, version);
		assert_int_equal(stat(copy, &status), 0);
		assert_int_equal(status.st_mode & 0777, 0600);
		assert_int_equal(each_file(state, "*.new", NULL), 0);
		memcpy(now, state->path, sizeof(now));
		snprintf(state->path, sizeof(state->path), "%s.v%d", now, version);
		assert_int_equal(query(state, "PRAGMA user_version"), version);
		assert_int_equal(query(state, "PRAGMA application_id"), V2M_LEDGER_APPLICATION_ID);
		assert_int_equal(query(state, "SELECT rx_wire FROM subjects"), 2000);
		assert_int_equal(query(state, "SELECT count(*) FROM raw"),
				 version == 3 || version == 4 ? 3 : 1);
		memcpy(state->path, now, sizeof(now));
	}
	assert_int_equal(each_file(state, "ledger.db.v6", NULL), 1);
}

static void a_new_file_has_no_copy(void **context)
{
	struct state *state = *context;

	restart(state);
	assert_int_equal(each_file(state, "ledger.db.v*", NULL), 0);
}

static void without_a_copy_nothing_is_migrated(void **context)
{
	struct state *state = *context;
	struct v2m_ledger *ledger = NULL;
	struct v2m_error error = { 0 };
	char copy[128];

	write_file(state, 4);
	snprintf(copy, sizeof(copy), "%s.v4.new", state->path);
	assert_int_equal(mkdir(copy, 0700), 0);
	assert_int_not_equal(v2m_ledger_open(state->dir, &ledger, &error), 0);
	assert_non_null(strstr(error.text, "ledger.db.v4.new"));
	assert_int_equal(query(state, "PRAGMA user_version"), 4);
	assert_int_equal(rmdir(copy), 0);
	open_ledger(state);
	assert_int_equal(lifetime_rx(state->account, "aaaa"), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_of_every_version_keeps_its_totals_and_goes_on),
		TEST(what_was_no_epoch_gets_its_own_table),
		TEST(counters_of_an_earlier_version_are_continued),
		TEST(a_new_counter_of_a_known_port_counts_whole),
		TEST(the_subjects_of_every_version_are_joined),
		TEST(a_migrated_file_has_the_schema_of_a_new_one),
		TEST(a_migration_that_fails_leaves_the_file_as_it_was),
		TEST(the_file_as_it_was_is_kept_for_the_way_back),
		TEST(a_new_file_has_no_copy),
		TEST(without_a_copy_nothing_is_migrated),
	};

	return cmocka_run_group_tests_name("ledger_migration", tests, NULL, NULL);
}
