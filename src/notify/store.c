// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/store.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/macros.h"

#define FILE_NAME "notify.db"
#define SECOND_US INT64_C(1000000)

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	EACH_HELD,
	HOLD,
	RELEASE,
	GET,
	SET,
	QUEUE,
	DUE,
	POSTPONE,
	REMOVE,
	TRIM,
	REMOVE_STRANGERS,
	COUNT,
	N_STATEMENTS,
};

static const char *const texts[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[EACH_HELD] = "SELECT name FROM held",
	[HOLD] = "INSERT OR IGNORE INTO held VALUES (?)",
	[RELEASE] = "DELETE FROM held WHERE name = ?",
	[GET] = "SELECT value FROM note WHERE name = ?",
	[SET] = "INSERT OR REPLACE INTO note VALUES (?, ?)",
	[QUEUE] = "INSERT INTO queue (channel, event, made_us, attempts, due_us) "
		  "VALUES (?, ?, ?, 0, 0)",
	[DUE] = "SELECT id, channel, event, made_us, attempts, due_us FROM queue "
		"WHERE channel = ?1 AND (due_us <= ?2 OR due_us > ?3) "
		"ORDER BY id LIMIT 1",
	[POSTPONE] = "UPDATE queue SET attempts = attempts + 1, due_us = ? WHERE id = ?",
	[REMOVE] = "DELETE FROM queue WHERE id = ?",
	[TRIM] = "DELETE FROM queue WHERE channel = ?1 AND (made_us < ?2 OR id <= (SELECT id FROM "
		 "queue WHERE channel = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3))",
	[REMOVE_STRANGERS] = "DELETE FROM queue WHERE channel NOT IN "
			     "(SELECT value FROM json_each(?))",
	[COUNT] = "SELECT count(*) FROM queue",
};

static const char schema[] =
	"PRAGMA locking_mode = EXCLUSIVE;"
	"PRAGMA journal_mode = TRUNCATE;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA trusted_schema = OFF;"
	"CREATE TABLE IF NOT EXISTS held (name TEXT PRIMARY KEY) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT "
	"ROWID;"
	"CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" channel TEXT NOT NULL, event TEXT NOT NULL, made_us INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, due_us INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS queue_of_channel ON queue (channel, id);"
	/* Takes the lock, also if everything was there. */
	"BEGIN IMMEDIATE; COMMIT";

struct v2m_store {
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
};

static int fail(sqlite3 *db, struct v2m_error *error)
{
	int code = sqlite3_errcode(db) & 0xff;
	int result = code == SQLITE_BUSY || code == SQLITE_LOCKED      ? -EBUSY
		     : code == SQLITE_FULL                             ? -ENOSPC
		     : code == SQLITE_READONLY                         ? -EROFS
		     : code == SQLITE_NOMEM                            ? -ENOMEM
		     : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? -EUCLEAN
								       : -EIO;

	if (result == -EBUSY)
		return v2m_error_set(error, result,
				     FILE_NAME " is in use: another v2meter-notify runs");
	return v2m_error_set(error, result, FILE_NAME ": %s", sqlite3_errmsg(db));
}

void v2m_store_closep(struct v2m_store **store)
{
	if (!*store)
		return;
	for (size_t i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize((*store)->statements[i]);
	sqlite3_close((*store)->db);
	free(*store);
	*store = NULL;
}

static int check(sqlite3 *db, struct v2m_error *error)
{
	sqlite3_stmt *statement = NULL;
	int result = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		result = fail(db, error);
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		result = v2m_error_set(error, -EUCLEAN, FILE_NAME ": %s",
				       (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return result;
}

static int open_file(const char *path, struct v2m_store **store, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_store_closep) struct v2m_store *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	if (sqlite3_open_v2(path, &made->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return made->db ? fail(made->db, error)
				: v2m_error_set(error, -ENOMEM, "out of memory");
	if (sqlite3_exec(made->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return fail(made->db, error);
	result = check(made->db, error);
	for (size_t i = 0; i < N_STATEMENTS && !result; i++)
		if (sqlite3_prepare_v3(made->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &made->statements[i], NULL) != SQLITE_OK)
			result = fail(made->db, error);
	if (!result)
		*store = V2M_TAKE(made);
	return result;
}

/* The journal goes first: beside a new database, SQLite would play it back. */
static int set_aside(const char *path, struct v2m_error *error)
{
	static const char *const suffixes[] = { "-journal", "" };
	char from[PATH_MAX];
	char to[PATH_MAX];

	for (size_t i = 0; i < V2M_ARRAY_LEN(suffixes); i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s.corrupt%s", path, suffixes[i]);
		if (rename(from, to) && errno != ENOENT)
			return v2m_error_set(error, -errno,
					     "%s is damaged and cannot be renamed: %s", from,
					     strerror(errno));
	}
	return 0;
}

int v2m_store_open(const char *directory, struct v2m_store **store, struct v2m_error *error)
{
	char path[PATH_MAX];
	int result = v2m_make_directories(directory, 0755, 0700);

	if (result)
		return v2m_error_set(error, result, "%s: %s", directory, strerror(-result));
	if (snprintf(path, sizeof(path), "%s/" FILE_NAME, directory) >= (int)sizeof(path) - 32)
		return v2m_error_set(error, -ENAMETOOLONG, "%s: the path is too long", directory);
	result = open_file(path, store, error);
	if (result != -EUCLEAN)
		return result;
	v2m_log_error("%s; it is now called %s.corrupt. Alerts in it are lost, and what holds is "
		      "alerted about again",
		      error->text, path);
	result = set_aside(path, error);
	return result ? result : open_file(path, store, error);
}

/* Runs a statement whose parameters are bound. 1: a row; 0: done; -errno. */
static int step(struct v2m_store *store, enum statement which, struct v2m_error *error)
{
	switch (sqlite3_step(store->statements[which])) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(store->db, error);
	}
}

static sqlite3_stmt *prepare(struct v2m_store *store, enum statement which)
{
	sqlite3_reset(store->statements[which]);
	sqlite3_clear_bindings(store->statements[which]);
	return store->statements[which];
}

/* Runs a statement without rows. */
static int finish(struct v2m_store *store, enum statement which, struct v2m_error *error)
{
	int result = step(store, which, error);

	sqlite3_reset(store->statements[which]);
	return result < 0 ? result : 0;
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
	sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

int v2m_store_begin(struct v2m_store *store, struct v2m_error *error)
{
	prepare(store, BEGIN);
	return finish(store, BEGIN, error);
}

int v2m_store_commit(struct v2m_store *store, struct v2m_error *error)
{
	int result;

	prepare(store, COMMIT);
	result = finish(store, COMMIT, error);
	if (result)
		v2m_store_rollback(store);
	return result;
}

void v2m_store_rollback(struct v2m_store *store)
{
	if (sqlite3_get_autocommit(store->db))
		return;
	prepare(store, ROLLBACK);
	finish(store, ROLLBACK, NULL);
}

int v2m_store_each_held(struct v2m_store *store, int (*visit)(void *context, const char *name),
			void *context, struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, EACH_HELD);
	int result;

	while ((result = step(store, EACH_HELD, error)) == 1) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);

		result = name ? visit(context, name) : -ENOMEM;
		if (result)
			break;
	}
	sqlite3_reset(statement);
	return result;
}

static int run_with_name(struct v2m_store *store, enum statement which, const char *name,
			 struct v2m_error *error)
{
	bind_text(prepare(store, which), 1, name);
	return finish(store, which, error);
}

int v2m_store_hold(struct v2m_store *store, const char *name, struct v2m_error *error)
{
	return run_with_name(store, HOLD, name, error);
}

int v2m_store_release(struct v2m_store *store, const char *name, struct v2m_error *error)
{
	return run_with_name(store, RELEASE, name, error);
}

int v2m_store_get(struct v2m_store *store, const char *name, char **value, struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, GET);
	int result;

	*value = NULL;
	bind_text(statement, 1, name);
	result = step(store, GET, error);
	if (result == 1) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		*value = text ? strdup(text) : NULL;
		result = *value ? 0 : v2m_error_set(error, -ENOMEM, "out of memory");
	}
	sqlite3_reset(statement);
	return result;
}

int v2m_store_set(struct v2m_store *store, const char *name, const char *value,
		  struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, SET);

	bind_text(statement, 1, name);
	bind_text(statement, 2, value);
	return finish(store, SET, error);
}

int v2m_store_queue(struct v2m_store *store, const char *channel, const char *event,
		    int64_t real_us, struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, QUEUE);

	bind_text(statement, 1, channel);
	bind_text(statement, 2, event);
	sqlite3_bind_int64(statement, 3, real_us);
	return finish(store, QUEUE, error);
}

static char *copy_column(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? strdup(text) : NULL;
}

int v2m_store_due(struct v2m_store *store, const char *channel, int64_t real_us, unsigned longest_s,
		  struct v2m_queued *queued, struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, DUE);
	int result;

	*queued = (struct v2m_queued){ 0 };
	bind_text(statement, 1, channel);
	sqlite3_bind_int64(statement, 2, real_us);
	sqlite3_bind_int64(statement, 3, real_us + longest_s * SECOND_US);
	result = step(store, DUE, error);
	if (result == 1) {
		queued->id = sqlite3_column_int64(statement, 0);
		queued->channel = copy_column(statement, 1);
		queued->event = copy_column(statement, 2);
		queued->made_us = sqlite3_column_int64(statement, 3);
		queued->attempts = (unsigned)sqlite3_column_int64(statement, 4);
		queued->due_us = sqlite3_column_int64(statement, 5);
	}
	sqlite3_reset(statement);
	if (result == 1 && (!queued->channel || !queued->event)) {
		v2m_queued_clear(queued);
		return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	return result;
}

void v2m_queued_clear(struct v2m_queued *queued)
{
	free(queued->channel);
	free(queued->event);
	*queued = (struct v2m_queued){ 0 };
}

int v2m_store_postpone(struct v2m_store *store, int64_t id, int64_t due_us, struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, POSTPONE);

	sqlite3_bind_int64(statement, 1, due_us);
	sqlite3_bind_int64(statement, 2, id);
	return finish(store, POSTPONE, error);
}

int v2m_store_remove(struct v2m_store *store, int64_t id, struct v2m_error *error)
{
	sqlite3_bind_int64(prepare(store, REMOVE), 1, id);
	return finish(store, REMOVE, error);
}

int64_t v2m_store_trim(struct v2m_store *store, const char *channel, size_t max, int64_t oldest_us,
		       struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, TRIM);
	int result;

	bind_text(statement, 1, channel);
	sqlite3_bind_int64(statement, 2, oldest_us);
	sqlite3_bind_int64(statement, 3, (sqlite3_int64)max);
	result = finish(store, TRIM, error);
	return result ? result : sqlite3_changes(store->db);
}

int64_t v2m_store_remove_strangers(struct v2m_store *store, const char *channels,
				   struct v2m_error *error)
{
	int result = run_with_name(store, REMOVE_STRANGERS, channels, error);

	return result ? result : sqlite3_changes(store->db);
}

int64_t v2m_store_count(struct v2m_store *store, struct v2m_error *error)
{
	sqlite3_stmt *statement = prepare(store, COUNT);
	int result = step(store, COUNT, error);
	int64_t count = result == 1 ? sqlite3_column_int64(statement, 0) : 0;

	sqlite3_reset(statement);
	return result < 0 ? result : count;
}
