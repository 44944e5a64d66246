// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/schema.h"

#include <errno.h>
#include <stdio.h>

#define FIGURES                                                                                    \
	" rx_packets INTEGER NOT NULL, rx_wire INTEGER NOT NULL, rx_payload INTEGER NOT NULL,"     \
	" tx_packets INTEGER NOT NULL, tx_wire INTEGER NOT NULL, tx_payload INTEGER NOT NULL,"     \
	" max_connections INTEGER NOT NULL, sessions INTEGER NOT NULL,"

/*
 * Step i brings a file from version i to i + 1. A step that has been released is never edited.
 *
 * Counters are unsigned 64-bit in the program and signed 64-bit in SQLite: the bits are the same,
 * and from 2^63 on (8 EiB of one key: 23 years at 100 Gbit/s) a person reads them as negative.
 * Days, months and hours are added up by SQLite and hold up to 2^63 - 1.
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
	 * keys touches some 60 pages, where ordered by subject it would touch 4,096. */
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

	/* identity tells this ledger's exports from those of others; imports remembers of which
	 * other ledger each subject has been imported, and by which document. */
	"CREATE TABLE identity (id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
	"INSERT INTO identity VALUES (1, lower(hex(randomblob(16))));"
	"CREATE TABLE imports (source TEXT NOT NULL, subject TEXT NOT NULL,"
	" document TEXT NOT NULL, imported_us INTEGER NOT NULL,"
	" PRIMARY KEY (source, subject)) WITHOUT ROWID;"
	"CREATE INDEX months_of_subject ON months (subject, month);",
};

int v2m_schema_version(void)
{
	return V2M_ARRAY_LEN(steps);
}

int v2m_sqlite_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	default:
		return -EIO;
	}
}

int v2m_sqlite_refine(sqlite3 *db, int result)
{
	int reason = sqlite3_system_errno(db);

	if (result != -EIO && result != -EACCES)
		return result;
	return reason == ENOSPC || reason == EDQUOT || reason == EROFS ? -reason : result;
}

int v2m_sqlite_error(sqlite3 *db, const char *what, struct v2m_error *error)
{
	int result = v2m_sqlite_refine(db, v2m_sqlite_errno(sqlite3_errcode(db)));

	return v2m_error_set(error, result, "%s: %s", what, sqlite3_errmsg(db));
}

int v2m_sqlite_exec(sqlite3 *db, const char *sql, struct v2m_error *error)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return v2m_sqlite_error(db, "ledger", error);
}

static int pragma_int(sqlite3 *db, const char *sql, int *value, struct v2m_error *error)
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

/* A file of somebody else has tables and not our id; a new one has neither. */
static int check_owner(sqlite3 *db, int version, struct v2m_error *error)
{
	int application = 0;
	int objects = 0;
	int result = pragma_int(db, "PRAGMA application_id", &application, error);

	if (result == 0)
		result = pragma_int(db, "SELECT count(*) FROM sqlite_schema", &objects, error);
	if (result)
		return result;
	if (application != V2M_LEDGER_APPLICATION_ID && (application || objects))
		return v2m_error_set(error, -EPROTO, "ledger: the file is another program's");
	if (version > v2m_schema_version())
		return v2m_error_set(error, -EPROTO,
				     "ledger: schema version %d is newer than this program's %d",
				     version, v2m_schema_version());
	return 0;
}

static int write_version(sqlite3 *db, struct v2m_error *error)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 V2M_LEDGER_APPLICATION_ID, v2m_schema_version());
	return v2m_sqlite_exec(db, sql, error);
}

int v2m_schema_write_version(sqlite3 *db)
{
	struct v2m_error error;

	return write_version(db, &error);
}

static int migrate_from(sqlite3 *db, int version, struct v2m_error *error)
{
	int result = 0;

	for (int i = version; i < v2m_schema_version() && result == 0; i++)
		result = v2m_sqlite_exec(db, steps[i], error);
	return result ? result : write_version(db, error);
}

int v2m_schema_migrate(sqlite3 *db, struct v2m_error *error)
{
	int version = 0;
	int result = pragma_int(db, "PRAGMA user_version", &version, error);

	if (result == 0)
		result = check_owner(db, version, error);
	if (result || version == v2m_schema_version())
		return result;
	result = v2m_sqlite_exec(db, "BEGIN IMMEDIATE", error);
	if (result)
		return result;
	result = migrate_from(db, version, error);
	if (result == 0)
		result = v2m_sqlite_exec(db, "COMMIT", error);
	if (result)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return result;
}
