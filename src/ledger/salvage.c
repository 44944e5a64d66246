// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/salvage.h"

#include <stdio.h>

#include "base/log.h"
#include "base/macros.h"
#include "ledger/schema.h"

/* Ordered by the primary key, so that a scan walks the table's own pages, and those alone. */
static const struct table {
	const char *name;
	const char *key;
	const char *key_descending;
	bool is_total;
} tables[] = {
	{ "subjects", "rowid", "rowid DESC", true },
	{ "raw", "rowid", "rowid DESC", true },
	{ "identity", "rowid", "rowid DESC", true },
	{ "imports", "source, subject", "source DESC, subject DESC", true },
	{ "months", "month, subject", "month DESC, subject DESC", false },
	{ "days", "date, subject", "date DESC, subject DESC", false },
	{ "hours", "start_s, utc_offset_s, subject",
	  "start_s DESC, utc_offset_s DESC, subject DESC", false },
};

/* Copies rows until the damage. True where there was none. */
static bool copy_rows(sqlite3_stmt *from, sqlite3_stmt *to, unsigned *count)
{
	const int columns = sqlite3_column_count(from);
	int code;

	while ((code = sqlite3_step(from)) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++)
			sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
		if (sqlite3_step(to) == SQLITE_DONE)
			*count += (unsigned)sqlite3_changes(sqlite3_db_handle(to));
		sqlite3_reset(to);
	}
	return code == SQLITE_DONE;
}

/* (?, ?, ...) for every column. */
static void insert_sql(const struct table *table, int columns, char *text, size_t size)
{
	int used = snprintf(text, size, "INSERT OR REPLACE INTO %s VALUES (?", table->name);

	for (int i = 1; i < columns && used < (int)size; i++)
		used += snprintf(text + used, size - (size_t)used, ", ?");
	if (used < (int)size)
		snprintf(text + used, size - (size_t)used, ")");
}

static bool copy_one_way(sqlite3 *from, sqlite3 *to, const struct table *table, const char *order,
			 unsigned *count)
{
	sqlite3_stmt *reading = NULL;
	sqlite3_stmt *writing = NULL;
	char text[512];
	bool whole = false;

	snprintf(text, sizeof(text), "SELECT * FROM %s ORDER BY %s", table->name, order);
	if (sqlite3_prepare_v2(from, text, -1, &reading, NULL) == SQLITE_OK) {
		insert_sql(table, sqlite3_column_count(reading), text, sizeof(text));
		if (sqlite3_prepare_v2(to, text, -1, &writing, NULL) == SQLITE_OK)
			whole = copy_rows(reading, writing, count);
	}
	sqlite3_finalize(reading);
	sqlite3_finalize(writing);
	return whole;
}

/* True where every total and reading was copied. */
static bool copy_tables(sqlite3 *from, sqlite3 *to, unsigned *count)
{
	bool whole = true;

	for (size_t i = 0; i < V2M_ARRAY_LEN(tables); i++) {
		const struct table *table = &tables[i];

		if (copy_one_way(from, to, table, table->key, count))
			continue;
		copy_one_way(from, to, table, table->key_descending, count);
		v2m_log_warning("ledger: of the damaged file's %s only a part can be read",
				table->name);
		whole &= !table->is_total;
	}
	return whole;
}

/* Days of somebody whose name cannot be read are nobody's. */
static const char drop_orphans[] =
	"DELETE FROM days WHERE subject NOT IN (SELECT id FROM subjects);"
	"DELETE FROM months WHERE subject NOT IN (SELECT id FROM subjects);"
	"DELETE FROM hours WHERE subject NOT IN (SELECT id FROM subjects)";

static bool same_version(sqlite3 *from)
{
	sqlite3_stmt *statement = NULL;
	bool same = sqlite3_prepare_v2(from, "PRAGMA user_version", -1, &statement, NULL) ==
			    SQLITE_OK &&
		    sqlite3_step(statement) == SQLITE_ROW &&
		    sqlite3_column_int(statement, 0) == v2m_schema_version();

	sqlite3_finalize(statement);
	return same;
}

static void copy_all(sqlite3 *from, sqlite3 *to, bool memory_knows)
{
	unsigned count = 0;
	bool take;

	if (v2m_sqlite_exec(to, "BEGIN IMMEDIATE", NULL))
		return;
	take = copy_tables(from, to, &count) || memory_knows;
	if (take && v2m_sqlite_exec(to, drop_orphans, NULL) == 0 &&
	    v2m_sqlite_exec(to, "COMMIT", NULL) == 0) {
		v2m_log_warning("ledger: %u rows of the damaged file are in the new one", count);
		return;
	}
	v2m_sqlite_exec(to, "ROLLBACK", NULL);
	v2m_log_error("ledger: the totals in the damaged file are not whole: none was taken over");
}

void v2m_salvage(sqlite3 *db, const char *damaged, bool memory_knows)
{
	sqlite3 *from = NULL;

	if (sqlite3_open_v2(damaged, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK &&
	    same_version(from))
		copy_all(from, db, memory_knows);
	else
		v2m_log_error("ledger: nothing can be read of %s", damaged);
	sqlite3_close_v2(from);
}
