// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/ledger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "config/config.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "ledger/file.h"
#include "ledger/private.h"
#include "ledger/salvage.h"
#include "ledger/schema.h"
#include "ledger/sqlite_error.h"
#include "ledger/store.h"

static void close_file(struct v2m_ledger *ledger)
{
	v2m_statements_clear(&ledger->statements);
	v2m_ledger_file_abandon(V2M_TAKE(ledger->db));
	ledger->log_inode = 0;
	ledger->readonly = false;
}

/* Looks up the inode of the ledger's log by its name; 0: there is none. 0 or -errno. */
static int find_log(const struct v2m_ledger *ledger, ino_t *inode)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s-wal", ledger->path);
	if (stat(path, &status) == 0)
		*inode = status.st_ino;
	else if (errno == ENOENT)
		*inode = 0;
	else
		return -errno;
	return 0;
}

/* Begins to use a database that file.c has opened. */
static int use_file(struct v2m_ledger *ledger, sqlite3 *db, struct v2m_error *error)
{
	int result;

	ledger->db = db;
	ledger->damaged = false;
	result = v2m_statements_prepare(db, &ledger->statements, error);
	if (result)
		close_file(ledger);
	/* If SQLite can make the log, it has made it by now. */
	else if (!sqlite3_db_readonly(db, "main"))
		find_log(ledger, &ledger->log_inode);
	return result;
}

/* A disk that has damaged so many files gets no other one: all of them stay on the disk, and memory
 * has all totals. */
#define MAX_ASIDE 3

/* If it cannot be written, the next use of the file fails as well, and begins anew. */
static void note_damage(sqlite3 *db)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "UPDATE identity SET damaged_us = %lld",
		 (long long)v2m_clock_real_us());
	v2m_sqlite_exec(db, sql, NULL);
}

/* Sets the damaged file aside and begins a new one. If a step fails, the next call goes on there:
 * there may be no room for a new file yet. */
static int begin_anew(struct v2m_ledger *ledger, bool memory_knows, struct v2m_error *error)
{
	sqlite3 *db;
	int result = 0;

	ledger->damaged = true;
	if (!ledger->aside && ledger->n_aside == MAX_ASIDE)
		return v2m_error_set(
			error, -EUCLEAN,
			"ledger: %s is damaged, and %d damaged files were set aside before",
			ledger->path, MAX_ASIDE);
	if (!ledger->aside) {
		result = v2m_ledger_file_set_aside(ledger->path, &ledger->aside, error);
		ledger->n_aside += result == 0;
	}
	if (result == 0)
		result = v2m_ledger_file_open(ledger->path, &db, error);
	if (result)
		return result;
	if (!v2m_salvage(db, ledger->aside, memory_knows))
		note_damage(db);
	free(V2M_TAKE(ledger->aside));
	return use_file(ledger, db, error);
}

/* Opens a file that cannot be written, because its totals are better than none: the kernel goes on
 * counting, and new bytes are stored when the disk takes them. */
static int open_for_reading(struct v2m_ledger *ledger, int reason, struct v2m_error *error)
{
	sqlite3 *db;
	int result;

	if (reason != -EROFS && reason != -ENOSPC && reason != -EACCES)
		return reason;
	if (v2m_ledger_file_open_readonly(ledger->path, &db, NULL))
		return reason;
	v2m_log_error("%s; the ledger is only read until the disk takes writes", error->text);
	result = use_file(ledger, db, error);
	ledger->readonly = result == 0;
	return result;
}

static int open_file(struct v2m_ledger *ledger, struct v2m_error *error)
{
	sqlite3 *db;
	int result = v2m_ledger_file_open(ledger->path, &db, error);

	if (result == 0)
		return use_file(ledger, db, error);
	if (result != -EUCLEAN)
		return open_for_reading(ledger, result, error);
	v2m_log_error("%s", error->text);
	return begin_anew(ledger, false, error);
}

static void closep(struct v2m_ledger **ledger)
{
	v2m_ledger_close(*ledger);
}

int v2m_ledger_open(const char *state_dir, struct v2m_ledger **ledger, struct v2m_error *error)
{
	V2M_CLEANUP(closep)
	struct v2m_ledger *opened = calloc(1, sizeof(*opened));
	struct v2m_error reason = { 0 };
	int result;

	if (!opened || asprintf(&opened->path, "%s/ledger.db", state_dir) < 0)
		return v2m_error_set(error, -ENOMEM, "ledger: out of memory");
	opened->retention.days = V2M_RETENTION_DAYS;
	opened->retention.hours = V2M_RETENTION_HOURS;
	result = open_file(opened, &reason);
	if (result)
		return v2m_error_set(error, result, "%s", reason.text);
	*ledger = V2M_TAKE(opened);
	return 0;
}

void v2m_ledger_close(struct v2m_ledger *ledger)
{
	if (!ledger)
		return;
	v2m_statements_clear(&ledger->statements);
	sqlite3_close_v2(ledger->db);
	free(ledger->aside);
	free(ledger->path);
	free(ledger);
}

void v2m_ledger_set_retention(struct v2m_ledger *ledger,
			      const struct v2m_ledger_retention *retention)
{
	ledger->retention = *retention;
}

void v2m_ledger_tell_stored(struct v2m_ledger *ledger, v2m_ledger_stored stored, void *context)
{
	ledger->stored = stored;
	ledger->stored_context = context;
}

static int run_simple(struct v2m_ledger *ledger, enum v2m_statement which)
{
	struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, which);

	return v2m_cursor_run(&cursor);
}

/*
 * Overwrites a commit that failed with a transaction that changes nothing. The failed one may be in
 * the log, whole, if only the disk's answer was missing. This process does not see it, but after a
 * crash the next one would take it for done, together with a reset that was answered by an error.
 */
static void overwrite_commit(struct v2m_ledger *ledger)
{
	if (run_simple(ledger, V2M_BEGIN) == 0 && v2m_schema_write_version(ledger->db) == 0)
		run_simple(ledger, V2M_COMMIT);
	if (!sqlite3_get_autocommit(ledger->db))
		run_simple(ledger, V2M_ROLLBACK);
}

int v2m_ledger_readable(const struct v2m_ledger *ledger, struct v2m_error *error)
{
	if (ledger->db)
		return 0;
	return v2m_error_set(error, -ENODEV, "ledger: %s cannot be read: no file is open",
			     ledger->path);
}

int v2m_ledger_read_failed(struct v2m_ledger *ledger, int code, const struct v2m_error *why,
			   struct v2m_error *error)
{
	if (code == -EUCLEAN)
		ledger->damaged = true;
	return v2m_error_set(error, code, "ledger: %s cannot be read: %s", ledger->path, why->text);
}

static int read_identity(struct v2m_ledger *ledger, struct v2m_ledger_mark *mark,
			 int64_t *damaged_us, struct v2m_error *error)
{
	struct v2m_error why = { .text = "the table identity is empty" };
	struct v2m_identity row = { 0 };
	struct v2m_cursor cursor;
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	cursor = v2m_cursor_of(&ledger->statements, V2M_GET_IDENTITY);
	result = v2m_cursor_next(&cursor, &row, &why);
	if (result == 1) {
		*mark = (struct v2m_ledger_mark){ .stores = row.stores };
		snprintf(mark->name, sizeof(mark->name), "%s", row.name);
		*damaged_us = row.damaged_us;
	}
	v2m_cursor_reset(&cursor);
	if (result == 1)
		return 0;
	return v2m_ledger_read_failed(ledger, result ? result : -EUCLEAN, &why, error);
}

int v2m_ledger_read_mark(struct v2m_ledger *ledger, struct v2m_ledger_mark *mark,
			 struct v2m_error *error)
{
	int64_t damaged_us;

	return read_identity(ledger, mark, &damaged_us, error);
}

int64_t v2m_ledger_damaged_us(struct v2m_ledger *ledger)
{
	struct v2m_ledger_mark mark;
	int64_t damaged_us = 0;

	return read_identity(ledger, &mark, &damaged_us, NULL) ? 0 : damaged_us;
}

static void tell_stored(struct v2m_ledger *ledger)
{
	struct v2m_ledger_mark mark;

	if (ledger->stored && v2m_ledger_read_mark(ledger, &mark, NULL) == 0)
		ledger->stored(&mark, ledger->stored_context);
}

static int write_once(struct v2m_ledger *ledger, struct v2m_account *account, v2m_ledger_work work,
		      const void *argument, struct v2m_error *error)
{
	int result = run_simple(ledger, V2M_BEGIN);
	bool committing = false;

	if (result == 0)
		result = v2m_store_account(&ledger->statements, account);
	if (result == 0 && work)
		result = work(ledger, argument);
	if (result == 0)
		result = run_simple(ledger, V2M_COUNT_STORE);
	committing = result == 0;
	if (committing)
		result = run_simple(ledger, V2M_COMMIT);
	if (result) {
		result = v2m_sqlite_refine(ledger->db, result);
		v2m_error_set(error, result, "ledger: %s cannot be written: %s", ledger->path,
			      sqlite3_errmsg(ledger->db));
		/* SQLite may have rolled back by itself. */
		if (!sqlite3_get_autocommit(ledger->db))
			run_simple(ledger, V2M_ROLLBACK);
		if (committing && result != -EUCLEAN)
			overwrite_commit(ledger);
		return result;
	}
	v2m_account_mark_stored(account);
	tell_stored(ledger);
	return 0;
}

/* True if somebody has renamed or deleted the open file: what is written to it would be lost when
 * the process ends. */
static bool is_taken_away(struct v2m_ledger *ledger)
{
	struct stat status;
	int moved = 0;

	/* SQLite also says so if it cannot look. */
	return sqlite3_file_control(ledger->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved && (stat(ledger->path, &status) == 0 || errno == ENOENT);
}

/* True if somebody has removed the log, which SQLite does not notice. As long as the log is open,
 * its content can still be copied into the file. */
static bool has_lost_its_log(struct v2m_ledger *ledger)
{
	ino_t inode = 0;

	if (!ledger->log_inode || find_log(ledger, &inode) || inode == ledger->log_inode)
		return false;
	v2m_log_error(
		"ledger: somebody has removed %s-wal, which was in use; its content is copied into"
		" the file",
		ledger->path);
	if (sqlite3_wal_checkpoint_v2(ledger->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) !=
	    SQLITE_OK)
		v2m_log_error(
			"ledger: the content of the log is lost, only the totals are kept: %s",
			sqlite3_errmsg(ledger->db));
	return true;
}

/* Tries to write again. The file is the same: nothing has to be stored again. */
static int reopen_for_writing(struct v2m_ledger *ledger, struct v2m_error *error)
{
	sqlite3 *db;
	int result = v2m_ledger_file_open(ledger->path, &db, error);

	if (result == -EUCLEAN)
		ledger->damaged = true;
	if (result)
		return result;
	close_file(ledger);
	return use_file(ledger, db, error);
}

/* Makes sure that there is a file to write to. A new one gets everything that is in memory. */
static int ensure_file(struct v2m_ledger *ledger, struct v2m_account *account,
		       struct v2m_error *error)
{
	sqlite3 *db;
	int result;

	if (ledger->db && !ledger->damaged && !is_taken_away(ledger) && !has_lost_its_log(ledger))
		return ledger->readonly ? reopen_for_writing(ledger, error) : 0;
	close_file(ledger);
	if (ledger->damaged) {
		result = begin_anew(ledger, true, error);
	} else {
		result = v2m_ledger_file_open(ledger->path, &db, error);
		ledger->damaged = result == -EUCLEAN;
		if (result == 0)
			result = use_file(ledger, db, error);
	}
	if (result == 0)
		v2m_account_mark_lost(account);
	return result;
}

int v2m_ledger_write(struct v2m_ledger *ledger, struct v2m_account *account, v2m_ledger_work work,
		     const void *argument, struct v2m_error *error)
{
	int result = ensure_file(ledger, account, error);

	if (result == 0)
		result = write_once(ledger, account, work, argument, error);
	if (result != -EUCLEAN || !ledger->db)
		return result;
	ledger->damaged = true;
	result = ensure_file(ledger, account, error);
	return result ? result : write_once(ledger, account, work, argument, error);
}

int v2m_ledger_store(struct v2m_ledger *ledger, struct v2m_account *account,
		     struct v2m_error *error)
{
	if (!v2m_account_is_dirty(account) && !ledger->damaged)
		return 0;
	return v2m_ledger_write(ledger, account, NULL, NULL, error);
}
