// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "ledger/columns.h"
#include "ledger/copy.h"
#include "ledger/schema.h"
#include "ledger/sqlite_error.h"
#include "base/sqlite_uri.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Long enough for another process's short transaction, short enough for a reset's answer. */
#define BUSY_TIMEOUT_MS 500

/* Makes the file with mode 0600 before SQLite makes it by the umask. */
static int make_private(const char *path, struct v2m_error *error)
{
	V2M_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, 0600))
		return v2m_error_set(error, -errno, "ledger: %s: %s", path, strerror(errno));
	return 0;
}

/* The check returns one row: "ok", or what is wrong. It does not compare indices with their tables,
 * but reads the whole file: 3.5 ms a megabyte, 144 ms for 4,096 keys and 100 days. */
static int quick_check(sqlite3 *db, struct v2m_error *error)
{
	sqlite3_stmt *statement = NULL;
	int result = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		result = v2m_sqlite_error(db, "ledger", error);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		result = v2m_error_set(error, -EUCLEAN, "ledger: %s",
				       (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return result;
}

/* Brings the file to the present schema, and keeps a copy of an older one for the way back. */
static int migrate_file(sqlite3 *db, const char *path, struct v2m_error *error)
{
	int version = 0;
	int result = v2m_schema_read_version(db, &version, error);

	if (result || version == V2M_LEDGER_VERSION)
		return result;
	if (version) {
		result = v2m_ledger_copy_version(db, path, version, error);
		if (result)
			return result;
		v2m_log_info("ledger: schema version %d becomes %d; %s.v%d is the file as it was",
			     version, V2M_LEDGER_VERSION, path, version);
	}
	return v2m_schema_migrate(db, version, error);
}

static int prepare_file(sqlite3 *db, const char *path, struct v2m_error *error)
{
	int result;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	result = v2m_sqlite_exec(db,
				 "PRAGMA journal_mode = WAL;"
				 "PRAGMA synchronous = FULL;"
				 "PRAGMA journal_size_limit = 8388608;"
				 "PRAGMA foreign_keys = OFF;"
				 "PRAGMA trusted_schema = OFF",
				 error);
	if (result == 0)
		result = quick_check(db, error);
	if (result == 0)
		result = migrate_file(db, path, error);
	return result ? result : v2m_schema_check_values(db, error);
}

void v2m_ledger_file_abandon(sqlite3 *db)
{
	if (!db)
		return;
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close_v2(db);
}

int v2m_ledger_file_open(const char *path, sqlite3 **db, struct v2m_error *error)
{
	sqlite3 *opened = NULL;
	int result = make_private(path, error);

	if (result)
		return result;
	if (sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		result = opened ? v2m_sqlite_error(opened, path, error)
				: v2m_error_set(error, -ENOMEM, "ledger: %s: out of memory", path);
	else
		result = prepare_file(opened, path, error);
	if (result)
		v2m_ledger_file_abandon(opened);
	else
		*db = opened;
	return result;
}

/* immutable: without the log, which is right only if there is none. With a log, SQLite needs a -shm
 * that it can write. */
static int open_for_reading(const char *path, bool immutable, sqlite3 **db, struct v2m_error *error)
{
	char uri[V2M_SQLITE_URI_MAX];
	sqlite3 *opened = NULL;
	int version = 0;
	int result;

	v2m_sqlite_uri(path, immutable ? "?immutable=1" : "", uri);
	if (sqlite3_open_v2(uri, &opened,
			    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
			    NULL) != SQLITE_OK)
		result = opened ? v2m_sqlite_error(opened, path, error)
				: v2m_error_set(error, -ENOMEM, "ledger: %s: out of memory", path);
	else
		result = quick_check(opened, error);
	if (result == 0)
		result = v2m_schema_read_version(opened, &version, error);
	if (result == 0 && version != V2M_LEDGER_VERSION)
		result = v2m_error_set(error, -EROFS, "ledger: %s cannot be migrated", path);
	if (result == 0)
		result = v2m_schema_check_values(opened, error);
	if (result)
		v2m_ledger_file_abandon(opened);
	else
		*db = opened;
	return result;
}

int v2m_ledger_file_open_readonly(const char *path, sqlite3 **db, struct v2m_error *error)
{
	char log[PATH_MAX];
	struct stat status;
	int result = open_for_reading(path, false, db, error);

	if (result == 0)
		return 0;
	snprintf(log, sizeof(log), "%s-wal", path);
	if (stat(log, &status) == 0 && status.st_size > 0)
		return result;
	return open_for_reading(path, true, db, error);
}

/* The log is renamed before its database: after a crash in between, the log must not stay beside a
 * new database, because SQLite would replay it there. */
static int rename_all(const char *path, const char *name, struct v2m_error *error)
{
	static const char *const suffixes[] = { "-wal", "-shm", "" };
	char from[PATH_MAX];
	char to[PATH_MAX];

	for (size_t i = 0; i < V2M_ARRAY_LEN(suffixes); i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s%s", name, suffixes[i]);
		if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) && errno != ENOENT)
			return v2m_error_set(error, -errno,
					     "ledger: %s is damaged and cannot be renamed: %s",
					     from, strerror(errno));
	}
	return 0;
}

int v2m_ledger_file_set_aside(const char *path, char **name, struct v2m_error *error)
{
	const time_t now = (time_t)(v2m_clock_real_us() / 1000000);
	V2M_FREE char *aside = NULL;
	char when[32];
	struct tm local;
	int result;

	localtime_r(&now, &local);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &local);
	if (asprintf(&aside, "%s.corrupt-%s", path, when) < 0) {
		aside = NULL;
		return v2m_error_set(error, -ENOMEM, "ledger: out of memory");
	}
	result = rename_all(path, aside, error);
	if (result)
		return result;
	v2m_log_error("ledger: %s is damaged and is now called %s", path, aside);
	*name = V2M_TAKE(aside);
	return 0;
}
