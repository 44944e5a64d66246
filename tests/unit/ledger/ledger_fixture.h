/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A ledger in a directory of its own, with one key. */
#ifndef V2METER_TESTS_LEDGER_FIXTURE_H
#define V2METER_TESTS_LEDGER_FIXTURE_H

#include "unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "ledger/history.h"
#include "ledger/ledger.h"
#include "ledger/schema.h"
#include "ledger/columns.h"

struct state {
	char dir[64];
	char path[96];
	struct v2m_account *account;
	struct v2m_keyset *keyset;
	struct v2m_ledger *ledger;
	struct one_port one;
	uint64_t mono_s;
};

static const struct key_of one_key[] = { { "aaaa", 1001 } };

static inline void open_ledger(struct state *state)
{
	struct v2m_error error = { 0 };

	if (v2m_ledger_open(state->dir, &state->ledger, &error))
		fail_msg("%s", error.text);
	state->account = v2m_account_new();
	if (v2m_ledger_load(state->ledger, state->account, &error))
		fail_msg("%s", error.text);
}

/* Closes the ledger as kill -9 does: what is not stored is gone. */
static inline void close_ledger(struct state *state)
{
	v2m_ledger_close(V2M_TAKE(state->ledger));
	v2m_account_free(V2M_TAKE(state->account));
}

static inline int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));

	zone("Europe/Berlin");
	v2m_log_set_level(V2M_LOG_ERROR);
	snprintf(state->dir, sizeof(state->dir), "/tmp/v2m-ledger-XXXXXX");
	assert_non_null(mkdtemp(state->dir));
	snprintf(state->path, sizeof(state->path), "%s/ledger.db", state->dir);
	state->keyset = keyset_of(one_key, 1);
	open_ledger(state);
	*context = state;
	return 0;
}

static inline size_t each_file(struct state *state, const char *pattern,
			       int (*visit)(const char *path))
{
	char path[160];
	glob_t found = { 0 };
	size_t count;

	snprintf(path, sizeof(path), "%s/%s", state->dir, pattern);
	glob(path, 0, NULL, &found);
	count = found.gl_pathc;
	for (size_t i = 0; visit && i < count; i++)
		visit(found.gl_pathv[i]);
	globfree(&found);
	return count;
}

static inline int teardown(void **context)
{
	struct state *state = *context;

	close_ledger(state);
	v2m_keyset_unref(state->keyset);
	each_file(state, "*", unlink);
	rmdir(state->dir);
	free(state);
	return 0;
}

static inline void apply(struct state *state, uint64_t bytes, uint64_t second)
{
	assert_int_equal(v2m_account_apply(state->account, state->keyset,
					   sample_at(&state->one, 1001, bytes, second)),
			 0);
}

/* Applies a reading of port 1001 that was taken at a time of the wall clock. */
static inline void count(struct state *state, uint64_t bytes, const char *utc)
{
	sample_at(&state->one, 1001, bytes, ++state->mono_s);
	state->one.sample.real_us = unix_us(utc);
	assert_int_equal(v2m_account_apply(state->account, state->keyset, &state->one.sample), 0);
}

/* Accounts connections of port 1001, whose remote ports go from first to last. */
static inline void dump(struct state *state, uint16_t first, uint16_t last, const char *utc)
{
	struct v2m_connection_table *table = connections_of(1001, first, last);

	assert_int_equal(v2m_account_connections(state->account, state->keyset, table, NULL, 0,
						 unix_us(utc)),
			 0);
	v2m_connection_table_unref(table);
}

static inline void restart(struct state *state)
{
	close_ledger(state);
	open_ledger(state);
}

static inline void store(struct state *state)
{
	struct v2m_error error = { 0 };

	if (v2m_ledger_store(state->ledger, state->account, &error))
		fail_msg("%s", error.text);
}

static inline void sql(struct state *state, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(state->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static inline int64_t query(struct state *state, const char *text)
{
	sqlite3_stmt *statement;
	int64_t value;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(state->path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK ||
	    sqlite3_step(statement) != SQLITE_ROW)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

/* Replaces the key set of the fixture. */
static inline void use_keys(struct state *state, const struct key_on *on, size_t n)
{
	v2m_keyset_unref(state->keyset);
	state->keyset = keyset_on(on, n);
}

static inline uint64_t stored_day(struct state *state, int32_t date)
{
	struct v2m_history history = { 0 };
	struct v2m_error error = { 0 };
	uint64_t bytes = 0;

	if (v2m_ledger_history_key(state->ledger, state->account, state->keyset,
				   &state->keyset->keys[0], &history, &error))
		fail_msg("%s", error.text);
	for (size_t i = 0; i < history.keys->n_days; i++)
		if (history.keys->days[i].date == date)
			bytes = history.keys->days[i].figures.totals.rx.wire_bytes;
	v2m_history_clear(&history);
	return bytes;
}

/* Overwrites the first page of a table on the disk with noise, in a file whose log is empty. A
 * change through a second connection makes the first one read its pages again. */
static inline void destroy(struct state *state, const char *table)
{
	char text[128];
	char noise[4096];
	int64_t page;
	int fd;

	snprintf(text, sizeof(text), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
	page = query(state, text);
	sql(state, "PRAGMA user_version = 99");
	snprintf(text, sizeof(text), "PRAGMA user_version = %d", V2M_LEDGER_VERSION);
	sql(state, text);
	query(state, "PRAGMA wal_checkpoint(TRUNCATE)");
	memset(noise, 0xa5, sizeof(noise));
	fd = open(state->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, noise, sizeof(noise), (page - 1) * 4096), 4096);
	close(fd);
}

/* Counts on two days, resets in between, and stores. */
static inline void some_history(struct state *state)
{
	struct v2m_reset_undo undo;
	struct v2m_totals closed;

	count(state, 100, "2025-08-03T12:00:00");
	v2m_account_reset(state->account, "aaaa", 1, &closed, &undo);
	v2m_reset_undo_clear(&undo);
	store(state);
	count(state, 150, "2025-08-04T12:00:00");
	store(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
