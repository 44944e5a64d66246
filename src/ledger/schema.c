// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/columns.h"
#include "ledger/sql.h"
#include "ledger/sqlite_error.h"

#define FIGURES                                                                                    \
	" rx_packets INTEGER NOT NULL, rx_wire INTEGER NOT NULL, rx_payload INTEGER NOT NULL,"     \
	" tx_packets INTEGER NOT NULL, tx_wire INTEGER NOT NULL, tx_payload INTEGER NOT NULL,"     \
	" max_connections INTEGER NOT NULL, sessions INTEGER NOT NULL,"

/*
 * Step i brings a file of version i to i + 1. A step that has been released is never edited. From
 * version 4 on the list of columns says what the tables are.
 */
static const char *const steps[] = {
	"CREATE TABLE subjects ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE," /* v2m_keyset_subject() */
	" first_seen_us INTEGER NOT NULL,"
	" last_activity_us INTEGER NOT NULL,"
	" reset_us INTEGER NOT NULL,"
	" rx_packets INTEGER NOT NULL, rx_wire INTEGER NOT NULL, rx_payload INTEGER NOT NULL,"
	" tx_packets INTEGER NOT NULL, tx_wire INTEGER NOT NULL, tx_payload INTEGER NOT NULL,"
	" base_rx_packets INTEGER NOT NULL, base_rx_wire INTEGER NOT NULL,"
	" base_rx_payload INTEGER NOT NULL, base_tx_packets INTEGER NOT NULL,"
	" base_tx_wire INTEGER NOT NULL, base_tx_payload INTEGER NOT NULL);"
	"CREATE TABLE raw ("
	" port INTEGER PRIMARY KEY,"
	" epoch BLOB NOT NULL,"
	" assigned_ns INTEGER NOT NULL,"
	" tcp_rx_packets INTEGER NOT NULL, tcp_rx_wire INTEGER NOT NULL,"
	" tcp_rx_payload INTEGER NOT NULL,"
	" tcp_tx_packets INTEGER NOT NULL, tcp_tx_wire INTEGER NOT NULL,"
	" tcp_tx_payload INTEGER NOT NULL,"
	" udp_rx_packets INTEGER NOT NULL, udp_rx_wire INTEGER NOT NULL,"
	" udp_rx_payload INTEGER NOT NULL,"
	" udp_tx_packets INTEGER NOT NULL, udp_tx_wire INTEGER NOT NULL,"
	" udp_tx_payload INTEGER NOT NULL);",

	/* Dates are 20250804, months 202508. The rows of one day lie together: a flush of 4,096
	 * keys touches some 60 pages. Ordered by subject, it would touch 4,096. */
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
	"CREATE INDEX hours_of_subject ON hours (subject, start_s);",

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
	"INSERT INTO readings SELECT port, epoch, 0, assigned_ns,"
	" tcp_rx_packets, tcp_rx_wire, tcp_rx_payload, tcp_tx_packets, tcp_tx_wire, tcp_tx_payload,"
	" udp_rx_packets, udp_rx_wire, udp_rx_payload, udp_tx_packets, udp_tx_wire, udp_tx_payload"
	" FROM raw;"
	"DROP TABLE raw;"
	"ALTER TABLE readings RENAME TO raw;",

	/* identity names this ledger in its exports. imports remembers for each subject the ledger
	 * and the document that it was imported from. */
	"CREATE TABLE identity (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
	"INSERT INTO identity VALUES (1, lower(hex(randomblob(16))));"
	"CREATE TABLE imports (source TEXT NOT NULL, subject TEXT NOT NULL,"
	" document TEXT NOT NULL, imported_us INTEGER NOT NULL,"
	" PRIMARY KEY (source, subject)) WITHOUT ROWID;"
	"CREATE INDEX months_of_subject ON months (subject, month);",
};

#define LIST_VERSION 4 /* the version that the steps end at */

/* Columns that had another name in an earlier version. */
static const struct {
	const char *table;
	const char *before;
	const char *now;
} renames[] = {
	/* The slots of earlier versions were ports. */
	{ "raw", "port", "slot" },
	{ "socket_overlaps", "port", "slot_number" },
	{ "session_readings", "port", "slot_number" },
};

/*
 * Statement i moves rows to another table, from version LIST_VERSION + i to the next. It runs after
 * all tables have the columns of the list.
 */
static const char *const moves[] = {
	/* Version 4 kept these in raw, with texts in place of epochs. */
	"INSERT INTO socket_overlaps (slot_number, rx_packets, rx_wire, rx_payload,"
	" tx_packets, tx_wire, tx_payload) SELECT slot, tcp_rx_packets, tcp_rx_wire,"
	" tcp_rx_payload, tcp_tx_packets, tcp_tx_wire, tcp_tx_payload"
	" FROM raw WHERE epoch = x'736f636b65745f6f7665726c61700000';" /* "socket_overlap" */
	"INSERT INTO session_readings (slot_number, assigned_ns, opened)"
	" SELECT slot, assigned_ns, tcp_rx_packets"
	" FROM raw WHERE epoch = x'73657373696f6e730000000000000000';" /* "sessions" */
	"DELETE FROM raw WHERE epoch IN (x'736f636b65745f6f7665726c61700000',"
	" x'73657373696f6e730000000000000000');",
	/* Version 5 knew slots by their ports: V2M_SLOT_INDEX_OF_PORT(). */
	"UPDATE raw SET slot = slot + 65536;",
	/* Version 6 had no bytes that are set aside, no number of stores, and no readings of
	 * delivered bytes: no rows move. */
	"",
};

_Static_assert(V2M_ARRAY_LEN(steps) == LIST_VERSION, "the list of columns follows the steps");
_Static_assert(LIST_VERSION + V2M_ARRAY_LEN(moves) == V2M_LEDGER_VERSION,
	       "a move for each version");

static int query_int(sqlite3 *db, const char *sql, int *value, struct v2m_error *error)
{
	sqlite3_stmt *statement = NULL;
	int result = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		result = v2m_sqlite_error(db, "ledger", error);
	else
		*value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return result;
}

/* The file of another program has tables, and does not have our id. An empty file has neither. */
static int check_owner(sqlite3 *db, int version, struct v2m_error *error)
{
	int application = 0;
	int objects = 0;
	int result = query_int(db, "PRAGMA application_id", &application, error);

	if (result == 0)
		result = query_int(db, "SELECT count(*) FROM sqlite_schema", &objects, error);
	if (result)
		return result;
	if (application != V2M_LEDGER_APPLICATION_ID && (application || objects))
		return v2m_error_set(error, -EPROTO, "ledger: the file belongs to another program");
	if (version < 0 || (version == 0 && objects))
		return v2m_error_set(error, -EUCLEAN,
				     "ledger: the file says that its schema has version %d,"
				     " expected 1 to %d",
				     version, V2M_LEDGER_VERSION);
	if (version > V2M_LEDGER_VERSION)
		return v2m_error_set(error, -EPROTO,
				     "ledger: schema version %d is newer than this program's %d",
				     version, V2M_LEDGER_VERSION);
	return 0;
}

int v2m_schema_read_version(sqlite3 *db, int *version, struct v2m_error *error)
{
	int read = 0;
	int result = query_int(db, "PRAGMA user_version", &read, error);

	if (result == 0)
		result = check_owner(db, read, error);
	if (result == 0)
		*version = read;
	return result;
}

static int write_version(sqlite3 *db, struct v2m_error *error)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 V2M_LEDGER_APPLICATION_ID, V2M_LEDGER_VERSION);
	return v2m_sqlite_exec(db, sql, error);
}

int v2m_schema_write_version(sqlite3 *db)
{
	struct v2m_error error;

	return write_version(db, &error);
}

static int out_of_memory(struct v2m_error *error)
{
	return v2m_error_set(error, -ENOMEM, "ledger: out of memory");
}

static int create_table(sqlite3 *db, const struct v2m_ledger_table *table, struct v2m_error *error)
{
	V2M_FREE char *sql = v2m_sql_create(table);

	return sql ? v2m_sqlite_exec(db, sql, error) : out_of_memory(error);
}

static int create_tables(sqlite3 *db, struct v2m_error *error)
{
	int result = 0;

	for (size_t i = 0; i < V2M_LEDGER_N_TABLES && result == 0; i++)
		result = create_table(db, v2m_ledger_tables[i], error);
	if (result)
		return result;
	return v2m_sqlite_exec(
		db, "INSERT INTO identity VALUES (1, lower(hex(randomblob(16))), 0, 0)", error);
}

/* The result of a query for one text, malloc'd; NULL for SQL's NULL. 0 or -errno. */
static int query_text(sqlite3 *db, const char *sql, char **text, struct v2m_error *error)
{
	sqlite3_stmt *statement = NULL;
	const char *found = NULL;
	int result = 0;

	*text = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		result = v2m_sqlite_error(db, "ledger", error);
	else
		found = (const char *)sqlite3_column_text(statement, 0);
	if (found) {
		*text = strdup(found);
		if (!*text)
			result = out_of_memory(error);
	}
	sqlite3_finalize(statement);
	return result;
}

/* The names of a table's columns, as v2m_sql_expand() lists them; NULL: there is no such table. */
static int read_columns(sqlite3 *db, const char *table, char **columns, struct v2m_error *error)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT group_concat(name, ', ') FROM pragma_table_info('%s')",
		 table);
	return query_text(db, sql, columns, error);
}

/* Makes the table anew with the columns of the list. Columns that the old one does not have get
 * their default. */
static int rebuild_table(sqlite3 *db, const struct v2m_ledger_table *table, struct v2m_error *error)
{
	V2M_FREE char *common = NULL;
	char sql[4096];
	int result;

	snprintf(sql, sizeof(sql),
		 "DROP INDEX IF EXISTS %s_of_subject; ALTER TABLE %s RENAME TO old_rows",
		 table->name, table->name);
	result = v2m_sqlite_exec(db, sql, error);
	if (result == 0)
		result = create_table(db, table, error);
	snprintf(sql, sizeof(sql),
		 "SELECT group_concat(name, ', ') FROM pragma_table_info('%s')"
		 " WHERE name IN (SELECT name FROM pragma_table_info('old_rows'))",
		 table->name);
	if (result == 0)
		result = query_text(db, sql, &common, error);
	if (result)
		return result;
	snprintf(sql, sizeof(sql),
		 "INSERT INTO %s (%s) SELECT %s FROM old_rows;"
		 " DROP TABLE old_rows",
		 table->name, common, common);
	return v2m_sqlite_exec(db, sql, error);
}

/* Gives every table the columns of the list. A table that has them already is left alone. */
static int follow_list(sqlite3 *db, struct v2m_error *error)
{
	int result = 0;

	for (size_t i = 0; i < V2M_LEDGER_N_TABLES && result == 0; i++) {
		const struct v2m_ledger_table *table = v2m_ledger_tables[i];
		V2M_FREE char *wanted =
			v2m_sql_expand(table, table->has_id ? "id, $columns" : "$columns");
		V2M_FREE char *there = NULL;

		if (!wanted)
			return out_of_memory(error);
		result = read_columns(db, table->name, &there, error);
		if (result == 0 && !there)
			result = create_table(db, table, error);
		else if (result == 0 && strcmp(there, wanted) != 0)
			result = rebuild_table(db, table, error);
	}
	return result;
}

/* 0 or -errno. */
static int rename_columns(sqlite3 *db, struct v2m_error *error)
{
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(renames) && result == 0; i++) {
		char sql[192];
		int there = 0;

		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
			 renames[i].table, renames[i].before);
		result = query_int(db, sql, &there, error);
		snprintf(sql, sizeof(sql), "ALTER TABLE %s RENAME COLUMN %s TO %s",
			 renames[i].table, renames[i].before, renames[i].now);
		if (result == 0 && there)
			result = v2m_sqlite_exec(db, sql, error);
	}
	return result;
}

/* Moves rows, from a version (at least LIST_VERSION) to the present one. 0 or -errno. */
static int move_rows(sqlite3 *db, int version, struct v2m_error *error)
{
	int result = 0;

	for (int i = version; i < V2M_LEDGER_VERSION && result == 0; i++)
		result = v2m_sqlite_exec(db, moves[i - LIST_VERSION], error);
	return result;
}

static int migrate_from(sqlite3 *db, int version, struct v2m_error *error)
{
	int result = 0;

	if (version == 0)
		return create_tables(db, error);
	for (; version < LIST_VERSION && result == 0; version++)
		result = v2m_sqlite_exec(db, steps[version], error);
	if (result == 0)
		result = rename_columns(db, error);
	if (result == 0)
		result = follow_list(db, error);
	return result ? result : move_rows(db, version, error);
}

int v2m_schema_migrate(sqlite3 *db, int version, struct v2m_error *error)
{
	int result;

	if (version == V2M_LEDGER_VERSION)
		return 0;
	result = v2m_sqlite_exec(db, "BEGIN IMMEDIATE", error);
	if (result)
		return result;
	result = migrate_from(db, version, error);
	if (result == 0)
		result = write_version(db, error);
	if (result == 0)
		result = v2m_sqlite_exec(db, "COMMIT", error);
	if (result)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}

/* Reads all rows of a table, to check their values. *row is room for one. */
static int check_rows(sqlite3 *db, const struct v2m_ledger_table *table, void *row,
		      struct v2m_error *error)
{
	V2M_FREE char *sql = v2m_sql_expand(table, "SELECT $columns FROM $table");
	sqlite3_stmt *statement = NULL;
	int result = 0;
	int code;

	if (!sql)
		return out_of_memory(error);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		return v2m_sqlite_error(db, "ledger", error);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW && result == 0)
		result = v2m_row_read(table, statement, 0, row, error);
	if (result == 0 && code != SQLITE_DONE)
		result = v2m_sqlite_error(db, "ledger", error);
	sqlite3_finalize(statement);
	return result;
}

/* A damaged index hides rows, and lets a second row with the same name in. Tables of history are
 * not compared with their indices: that takes 11 ms a megabyte. */
static int check_index(sqlite3 *db, const struct v2m_ledger_table *table, struct v2m_error *error)
{
	sqlite3_stmt *statement = NULL;
	char sql[96];
	int result = 0;

	snprintf(sql, sizeof(sql), "PRAGMA integrity_check('%s')", table->name);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		result = v2m_sqlite_error(db, "ledger", error);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		result = v2m_error_set(error, -EUCLEAN, "ledger: %s",
				       (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return result;
}

int v2m_schema_check_values(sqlite3 *db, struct v2m_error *error)
{
	int result = 0;

	for (size_t i = 0; i < V2M_LEDGER_N_TABLES && result == 0; i++) {
		V2M_FREE void *row = calloc(1, v2m_ledger_tables[i]->row_size);

		if (!row)
			return out_of_memory(error);
		if (v2m_ledger_tables[i]->is_checked)
			result = check_index(db, v2m_ledger_tables[i], error);
		if (v2m_ledger_tables[i]->is_checked && result == 0)
			result = check_rows(db, v2m_ledger_tables[i], row, error);
	}
	return result;
}
