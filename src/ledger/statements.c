// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/statements.h"

#include <errno.h>
#include <string.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/macros.h"
#include "ledger/sql.h"
#include "ledger/sqlite_error.h"

#define SUBJECT(parameter) "(SELECT id FROM subjects WHERE name = " parameter ")"
#define JOINED             "$table JOIN subjects s ON s.id = $table.subject"
/* The index is by Unix time, so a look-up by the wall clock has to be wider. */
#define OFFSET_MAX V2M_STRINGIFY(V2M_UTC_OFFSET_MAX_S)

#define ADDED(key) " ON CONFLICT (" key ") DO UPDATE SET $add"
#define MOVED                                                                                      \
	"INSERT INTO $table ($columns) SELECT $moved FROM $table WHERE subject = " SUBJECT("?1")

/* table: the table whose columns the words in the text stand for, see sql.h. */
static const struct text {
	const struct v2m_ledger_table *table;
	const char *text;
} texts[V2M_N_STATEMENTS] = {
	[V2M_BEGIN] = { NULL, "BEGIN IMMEDIATE" },
	[V2M_COMMIT] = { NULL, "COMMIT" },
	[V2M_ROLLBACK] = { NULL, "ROLLBACK" },
	/* Not REPLACE, which would give the subject another id. */
	[V2M_PUT_SUBJECT] = { &v2m_ledger_table_subjects,
			      "INSERT INTO $table ($columns) VALUES ($values)"
			      " ON CONFLICT (name) DO UPDATE SET $replace" },
	[V2M_PUT_PART] = { &v2m_ledger_table_parts,
			   "INSERT OR REPLACE INTO $table ($columns) VALUES ($values)" },
	[V2M_PUT_ALIAS] = { &v2m_ledger_table_aliases,
			    "INSERT OR REPLACE INTO $table ($columns) VALUES ($values)" },
	[V2M_PUT_RAW] = { &v2m_ledger_table_raw,
			  "INSERT OR REPLACE INTO $table ($columns) VALUES ($values)" },
	[V2M_PUT_OVERLAP] = { &v2m_ledger_table_overlaps,
			      "INSERT OR REPLACE INTO $table ($columns) VALUES ($values)" },
	[V2M_PUT_SESSIONS] = { &v2m_ledger_table_sessions,
			       "INSERT OR REPLACE INTO $table ($columns) VALUES ($values)" },
	[V2M_PUT_ASIDE] = { &v2m_ledger_table_asides,
			    "INSERT OR REPLACE INTO $table ($columns) VALUES ($values)" },
	[V2M_COUNT_STORE] = { NULL, "UPDATE identity SET stores = stores + 1" },
	[V2M_GET_SUBJECTS] = { &v2m_ledger_table_subjects, "SELECT $row FROM $table" },
	[V2M_GET_PARTS] = { &v2m_ledger_table_parts, "SELECT $row FROM " JOINED },
	[V2M_GET_ALIASES] = { &v2m_ledger_table_aliases, "SELECT $row FROM " JOINED },
	[V2M_GET_RAW] = { &v2m_ledger_table_raw, "SELECT $row FROM $table" },
	[V2M_GET_OVERLAPS] = { &v2m_ledger_table_overlaps, "SELECT $row FROM $table" },
	[V2M_GET_SESSIONS] = { &v2m_ledger_table_sessions, "SELECT $row FROM $table" },
	[V2M_GET_ASIDES] = { &v2m_ledger_table_asides, "SELECT $row FROM $table ORDER BY rowid" },
	[V2M_ADD_DAY] = { &v2m_ledger_table_days,
			  "INSERT INTO $table ($columns) VALUES ($values)" ADDED("date, subject") },
	[V2M_ADD_MONTH] = { &v2m_ledger_table_months,
			    "INSERT INTO $table ($columns) VALUES ($values)" ADDED(
				    "month, subject") },
	[V2M_ADD_HOUR] = { &v2m_ledger_table_hours,
			   "INSERT INTO $table ($columns) VALUES ($values)" ADDED(
				   "start_s, utc_offset_s, subject") },
	/* Epochs of boots long ago never come back. The clock alone does not tell which those are:
	 * if it was ahead for a time, the active reading is the oldest by the clock, and without it
	 * all its bytes would count again. */
	[V2M_DELETE_OLD_RAW] = { NULL,
				 "DELETE FROM raw WHERE rowid IN (SELECT rowid FROM (SELECT rowid, "
				 "row_number()"
				 " OVER (PARTITION BY slot ORDER BY read_us DESC) AS by_clock, "
				 "row_number()"
				 " OVER (PARTITION BY slot ORDER BY rowid DESC) AS by_age FROM raw)"
				 " WHERE by_clock > 8 AND by_age > 8)" },
	[V2M_GET_DAYS] = { &v2m_ledger_table_days, "SELECT $row FROM " JOINED " WHERE s.name = ?1"
						   " AND date BETWEEN ?2 AND ?3 ORDER BY date" },
	[V2M_GET_MONTHS_OF] = { &v2m_ledger_table_months,
				"SELECT $row FROM " JOINED " WHERE s.name = ?1"
				" AND month BETWEEN ?2 AND ?3 ORDER BY month" },
	[V2M_GET_DATE] = { &v2m_ledger_table_days, "SELECT $row FROM " JOINED " WHERE date = ?1" },
	[V2M_GET_MONTH] = { &v2m_ledger_table_months,
			    "SELECT $row FROM " JOINED " WHERE month = ?1" },
	[V2M_GET_HOURS] = { &v2m_ledger_table_hours,
			    "SELECT $row FROM " JOINED " WHERE s.name = ?1"
			    " AND start_s >= ?2 - " OFFSET_MAX " AND start_s < ?3 + " OFFSET_MAX
			    " AND start_s + utc_offset_s >= ?2 AND start_s + utc_offset_s < ?3"
			    " ORDER BY start_s, utc_offset_s" },
	[V2M_GET_IDENTITY] = { &v2m_ledger_table_identity, "SELECT $row FROM $table" },
	[V2M_GET_IMPORT] = { &v2m_ledger_table_imports,
			     "SELECT $row FROM $table WHERE source = ?1 AND subject = ?2" },
	[V2M_PUT_IMPORT] = { &v2m_ledger_table_imports,
			     "INSERT INTO $table ($columns) VALUES ($values)" },
	[V2M_MOVE_DAYS] = { &v2m_ledger_table_days, MOVED ADDED("date, subject") },
	[V2M_MOVE_MONTHS] = { &v2m_ledger_table_months, MOVED ADDED("month, subject") },
	[V2M_MOVE_HOURS] = { &v2m_ledger_table_hours,
			     MOVED ADDED("start_s, utc_offset_s, subject") },
	[V2M_DELETE_DAYS_OF] = { NULL, "DELETE FROM days WHERE subject = " SUBJECT("?1") },
	[V2M_DELETE_MONTHS_OF] = { NULL, "DELETE FROM months WHERE subject = " SUBJECT("?1") },
	[V2M_DELETE_HOURS_OF] = { NULL, "DELETE FROM hours WHERE subject = " SUBJECT("?1") },
	[V2M_DELETE_PARTS_OF] = { NULL, "DELETE FROM parts WHERE subject = " SUBJECT("?1") },
	[V2M_DELETE_SUBJECT] = { NULL, "DELETE FROM subjects WHERE name = ?1" },
	[V2M_DELETE_DAYS_BEFORE] = { NULL, "DELETE FROM days WHERE date < ?1" },
	[V2M_DELETE_HOURS_BEFORE] = { NULL, "DELETE FROM hours WHERE start_s < ?1 + " OFFSET_MAX
					    " AND start_s + utc_offset_s < ?1" },
};

static int prepare_statement(sqlite3 *db, const struct text *text, sqlite3_stmt **prepared,
			     struct v2m_error *error)
{
	V2M_FREE char *sql = v2m_sql_expand(text->table, text->text);

	if (!sql)
		return v2m_error_set(error, -ENOMEM, "ledger: out of memory");
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, prepared, NULL) != SQLITE_OK)
		return v2m_sqlite_error(db, "ledger", error);
	return 0;
}

int v2m_statements_prepare(sqlite3 *db, struct v2m_statements *statements, struct v2m_error *error)
{
	int result = 0;

	for (size_t i = 0; i < V2M_N_STATEMENTS && result == 0; i++)
		result = prepare_statement(db, &texts[i], &statements->prepared[i], error);
	return result;
}

void v2m_statements_clear(struct v2m_statements *statements)
{
	for (size_t i = 0; i < V2M_N_STATEMENTS; i++)
		sqlite3_finalize(statements->prepared[i]);
	memset(statements, 0, sizeof(*statements));
}

struct v2m_cursor v2m_cursor_of(const struct v2m_statements *statements, enum v2m_statement which)
{
	return (struct v2m_cursor){
		.statement = statements->prepared[which],
		.table = texts[which].table,
	};
}

void v2m_bind_int(struct v2m_cursor *cursor, int64_t value)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = sqlite3_bind_int64(cursor->statement, ++cursor->n_bound, value);
}

/* SQLITE_STATIC: the text outlives the run, and another one is bound before the next. */
void v2m_bind_text(struct v2m_cursor *cursor, const char *text)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = sqlite3_bind_text(cursor->statement, ++cursor->n_bound, text, -1,
						 SQLITE_STATIC);
}

void v2m_bind_row(struct v2m_cursor *cursor, const void *row)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = v2m_row_bind(cursor->table, row, cursor->statement);
}

int v2m_cursor_run(struct v2m_cursor *cursor)
{
	int code = cursor->code;

	if (code == SQLITE_OK)
		code = sqlite3_step(cursor->statement);
	sqlite3_reset(cursor->statement);
	return v2m_sqlite_errno(code);
}

int v2m_cursor_next(struct v2m_cursor *cursor, void *row, struct v2m_error *error)
{
	int code = cursor->code;
	int result;

	if (code == SQLITE_OK)
		code = sqlite3_step(cursor->statement);
	if (code != SQLITE_ROW) {
		result = v2m_sqlite_errno(code);
		return result ? v2m_error_set(error, result, "%s",
					      sqlite3_errmsg(sqlite3_db_handle(cursor->statement)))
			      : 0;
	}
	result = v2m_row_read(cursor->table, cursor->statement, 0, row, error);
	return result ? result : 1;
}

void v2m_cursor_reset(struct v2m_cursor *cursor)
{
	sqlite3_reset(cursor->statement);
}
