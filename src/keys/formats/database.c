// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/database.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sqlite_uri.h"
#include "keys/key_list.h"

/* The panel's transactions are short. */
#define BUSY_TIMEOUT_MS 250

/* A table may be a view that never ends, or that holds large cells. Panels keep all users of an
 * inbound in one cell, some 300 bytes for each. */
#define DEADLINE_S 2
#define MAX_CELL   (32 << 20)

/* -EACCES says that SQLite would have to write. It does not leave this file. */
static int code_of(const struct v2m_database *database)
{
	switch (sqlite3_errcode(database->sqlite) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
		return -EACCES;
	default:
		return -EIO;
	}
}

int v2m_database_fail(struct v2m_database *database)
{
	if (sqlite3_errcode(database->sqlite) == SQLITE_INTERRUPT)
		return v2m_error_set(database->error, -EINVAL,
				     "%s: expected tables that can be read within %d seconds",
				     database->path, DEADLINE_S);
	return v2m_error_set(database->error, code_of(database), "%s: %s", database->path,
			     sqlite3_errmsg(database->sqlite));
}

int v2m_database_out_of_memory(struct v2m_database *database)
{
	return v2m_error_set(database->error, -ENOMEM, "%s: out of memory", database->path);
}

void v2m_database_finalize(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

/* The next row; *row counts them from 1. 1: there is one. 0: there are no more. -errno. */
static int step_to(struct v2m_database *database, sqlite3_stmt *statement, size_t *row)
{
	int step = sqlite3_step(statement);

	if (step == SQLITE_DONE)
		return 0;
	if (step != SQLITE_ROW)
		return v2m_database_fail(database);
	if (++*row > V2M_MAX_KEY_ENTRIES)
		return v2m_error_set(database->error, -EINVAL,
				     "%s: expected at most %u rows in a table", database->path,
				     V2M_MAX_KEY_ENTRIES);
	return 1;
}

int v2m_database_each(struct v2m_database *database, const char *sql,
		      int (*take)(void *context, sqlite3_stmt *statement), void *context)
{
	V2M_CLEANUP(v2m_database_finalize) sqlite3_stmt *statement = NULL;
	size_t row = 0;
	int result = 0;

	if (sqlite3_prepare_v2(database->sqlite, sql, -1, &statement, NULL) != SQLITE_OK)
		return v2m_database_fail(database);
	while (!result && (result = step_to(database, statement, &row)) == 1)
		result = take(context, statement);
	return result;
}

bool v2m_database_has(struct v2m_database *database, const char *table, const char *column)
{
	V2M_CLEANUP(v2m_database_finalize) sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(database->sqlite,
			       "SELECT 1 FROM pragma_table_info(?) WHERE name = ? COLLATE NOCASE",
			       -1, &statement, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
	return sqlite3_step(statement) == SQLITE_ROW;
}

/* SQLite calls this now and then while it works. Not 0 ends the statement. */
static int is_late(void *context)
{
	const uint64_t *end_ns = context;

	return v2m_clock_mono_ns() > *end_ns;
}

static void set_limits(struct v2m_database *database)
{
	database->end_ns = v2m_clock_mono_ns() + DEADLINE_S * UINT64_C(1000000000);
	sqlite3_progress_handler(database->sqlite, 1000, is_late, &database->end_ns);
	sqlite3_limit(database->sqlite, SQLITE_LIMIT_LENGTH, MAX_CELL);
	sqlite3_busy_timeout(database->sqlite, BUSY_TIMEOUT_MS);
}

/* A reader and its context. */
struct reader {
	int (*read)(struct v2m_database *database, void *context);
	void *context;
};

static int read_open(struct v2m_database *database, const struct reader *reader)
{
	set_limits(database);
	/* The transaction shows all tables as of one moment. It ends when the file is closed. The
	 * first reading of the schema tells whether SQLite would have to write. */
	if (sqlite3_exec(database->sqlite,
			 "PRAGMA trusted_schema = OFF; BEGIN; SELECT 1 FROM sqlite_master", NULL,
			 NULL, NULL) != SQLITE_OK)
		return v2m_database_fail(database);
	return reader->read(database, reader->context);
}

static int read_named(const char *name, const char *path, const struct reader *reader,
		      struct v2m_error *error)
{
	struct v2m_database database = { .path = path, .error = error };
	int result;

	if (sqlite3_open_v2(name, &database.sqlite, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) !=
	    SQLITE_OK)
		result = database.sqlite ? v2m_database_fail(&database)
					 : v2m_database_out_of_memory(&database);
	else
		result = read_open(&database, reader);
	sqlite3_close(database.sqlite);
	return result;
}

/* A write-ahead log holds rows that are not in the file yet. A rollback journal holds rows that
 * were in the file before an unfinished commit. Only a process that may write can bring either into
 * the file. */
static bool is_whole(const char *path, struct v2m_error *error)
{
	static const char *const suffixes[] = { "-wal", "-journal" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(suffixes); i++) {
		char log[PATH_MAX + 16];
		struct stat status;

		snprintf(log, sizeof(log), "%s%s", path, suffixes[i]);
		if (stat(log, &status) ? errno == ENOENT : status.st_size == 0)
			continue;
		v2m_error_set(error, -EIO,
			      "%s: %s holds rows that are not in it, and only a process that may "
			      "write can apply them",
			      path, log);
		return false;
	}
	return true;
}

/* Reads a database with a write-ahead log that the panel has closed. To open it, SQLite would make
 * the index of the log, for which it needs a directory that it may write to. Without a log all rows
 * are in the file. */
static int read_closed(const char *path, const struct reader *reader, struct v2m_error *error)
{
	char uri[V2M_SQLITE_URI_MAX];
	struct stat before;
	struct stat after;
	int result;

	if (stat(path, &before) || !is_whole(path, error))
		return -EIO;
	v2m_sqlite_uri(path, "?immutable=1", uri);
	result = read_named(uri, path, reader, error);
	if (result == 0 && (stat(path, &after) || after.st_ino != before.st_ino ||
			    after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
			    after.st_mtim.tv_nsec != before.st_mtim.tv_nsec))
		return v2m_error_set(error, -EBUSY, "%s: the panel wrote to it while it was read",
				     path);
	return result == -EACCES ? -EIO : result;
}

/* SQLite opens these beside the database. */
static int check_companions(const char *path, struct v2m_error *error)
{
	static const char *const suffixes[] = { "-wal", "-journal", "-shm" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(suffixes); i++) {
		char companion[PATH_MAX + 16];
		struct stat status;

		snprintf(companion, sizeof(companion), "%s%s", path, suffixes[i]);
		if (stat(companion, &status) == 0 && !S_ISREG(status.st_mode))
			return v2m_error_set(error, -EINVAL, "%s: expected a regular file",
					     companion);
	}
	return 0;
}

int v2m_database_read(const char *path, int (*read)(struct v2m_database *database, void *context),
		      void *context, struct v2m_error *error)
{
	const struct reader reader = { read, context };
	char uri[V2M_SQLITE_URI_MAX];
	int result = check_companions(path, error);

	if (result)
		return result;
	v2m_sqlite_uri(path, "", uri);
	result = read_named(uri, path, &reader, error);
	return result == -EACCES ? read_closed(path, &reader, error) : result;
}
