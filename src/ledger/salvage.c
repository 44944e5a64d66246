// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/salvage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ledger/columns.h"
#include "ledger/schema.h"
#include "ledger/sql.h"
#include "ledger/sqlite_error.h"

/* The result of copying a table. */
struct copy {
	unsigned copied;
	unsigned unsound; /* rows that were left out, because no version of ours wrote their values
			   */
	bool whole;       /* every row could be read */
};

static void copy_rows(const struct v2m_ledger_table *table, sqlite3_stmt *from, sqlite3_stmt *to,
		      void *row, struct copy *copy)
{
	const int columns = sqlite3_column_count(from);
	int code;

	while ((code = sqlite3_step(from)) == SQLITE_ROW) {
		if (v2m_row_read(table, from, table->has_id, row, NULL)) {
			copy->unsound++;
			continue;
		}
		for (int i = 0; i < columns; i++)
			sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
		if (sqlite3_step(to) == SQLITE_DONE)
			copy->copied += (unsigned)sqlite3_changes(sqlite3_db_handle(to));
		sqlite3_reset(to);
	}
	copy->whole = code == SQLITE_DONE;
}

static sqlite3_stmt *prepare_text(sqlite3 *db, const struct v2m_ledger_table *table,
				  const char *text)
{
	V2M_FREE char *sql = v2m_sql_expand(table, text);
	sqlite3_stmt *statement = NULL;

	if (sql)
		sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	return statement;
}

/* In the order of the primary key, so that the scan walks the pages of the table, and those alone.
 */
static struct copy copy_in_order(sqlite3 *from, sqlite3 *to, const struct v2m_ledger_table *table,
				 const char *order)
{
	V2M_FREE void *row = calloc(1, table->row_size);
	struct copy copy = { .whole = false };
	sqlite3_stmt *reading;
	sqlite3_stmt *writing;
	char text[256];

	snprintf(text, sizeof(text), "SELECT %s$columns FROM $table ORDER BY %s",
		 table->has_id ? "id, " : "", order);
	reading = prepare_text(from, table, text);
	writing = prepare_text(
		to, table,
		table->has_id ? "INSERT OR REPLACE INTO $table (id, $columns) VALUES (?, $copied)"
			      : "INSERT OR REPLACE INTO $table ($columns) VALUES ($copied)");
	if (row && reading && writing)
		copy_rows(table, reading, writing, row, &copy);
	sqlite3_finalize(reading);
	sqlite3_finalize(writing);
	return copy;
}

/* Copies what can be read of a table. True if no row is missing that the others need: a subject
 * that is left out begins at 0, but without a reading bytes would be counted a second time. */
static bool copy_table(sqlite3 *from, sqlite3 *to, const struct v2m_ledger_table *table,
		       unsigned *count, bool *complete)
{
	struct copy copy = copy_in_order(from, to, table, table->key);
	struct copy rest = { 0 };

	if (!copy.whole) {
		rest = copy_in_order(from, to, table, table->key_descending);
		v2m_log_warning("ledger: only a part of the damaged file's %s can be read",
				table->name);
	}
	if (copy.unsound + rest.unsound)
		v2m_log_warning(
			"ledger: %u rows of the damaged file's %s hold impossible values and"
			" are left out",
			copy.unsound + rest.unsound, table->name);
	*count += copy.copied + rest.copied;
	*complete &= copy.whole && copy.unsound == 0;
	return !table->is_total ||
	       (copy.whole && (copy.unsound == 0 || table == &v2m_ledger_table_subjects));
}

/* True if no table lacks a row that the others need. *complete: none lacks any row. */
static bool copy_tables(sqlite3 *from, sqlite3 *to, unsigned *count, bool *complete)
{
	bool whole = true;

	for (size_t i = 0; i < V2M_LEDGER_N_TABLES; i++)
		whole &= copy_table(from, to, v2m_ledger_tables[i], count, complete);
	return whole;
}

/* Deletes rows whose subject could not be salvaged. */
static const char drop_rows_without_subject[] =
	"DELETE FROM parts WHERE subject NOT IN (SELECT id FROM subjects);"
	"DELETE FROM aliases WHERE subject NOT IN (SELECT id FROM subjects);"
	"DELETE FROM days WHERE subject NOT IN (SELECT id FROM subjects);"
	"DELETE FROM months WHERE subject NOT IN (SELECT id FROM subjects);"
	"DELETE FROM hours WHERE subject NOT IN (SELECT id FROM subjects)";

static bool has_present_version(sqlite3 *from)
{
	int version = 0;

	return v2m_schema_read_version(from, &version, NULL) == 0 && version == V2M_LEDGER_VERSION;
}

/* True if every row was copied. */
static bool copy_all(sqlite3 *from, sqlite3 *to, bool memory_knows)
{
	bool complete = true;
	unsigned count = 0;
	bool take;

	if (v2m_sqlite_exec(to, "BEGIN IMMEDIATE", NULL))
		return false;
	take = copy_tables(from, to, &count, &complete) || memory_knows;
	if (take && v2m_sqlite_exec(to, drop_rows_without_subject, NULL) == 0 &&
	    v2m_sqlite_exec(to, "COMMIT", NULL) == 0) {
		v2m_log_warning("ledger: %u rows of the damaged file were copied into the new one",
				count);
		return complete;
	}
	v2m_sqlite_exec(to, "ROLLBACK", NULL);
	v2m_log_error(
		"ledger: the totals in the damaged file are not complete: none was taken over");
	return false;
}

bool v2m_salvage(sqlite3 *db, const char *damaged, bool memory_knows)
{
	sqlite3 *from = NULL;
	bool complete = false;

	if (sqlite3_open_v2(damaged, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK &&
	    has_present_version(from))
		complete = copy_all(from, db, memory_knows);
	else
		v2m_log_error("ledger: nothing can be read of %s", damaged);
	sqlite3_close_v2(from);
	return complete;
}
