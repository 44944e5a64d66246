/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ledger's statements, prepared once, and how rows get in and out of them. */
#ifndef V2METER_LEDGER_STATEMENTS_H
#define V2METER_LEDGER_STATEMENTS_H

#include <sqlite3.h>

#include "base/error.h"
#include "ledger/columns.h"

/* A row is the struct that columns.h names for the table. */
enum v2m_statement {
	V2M_BEGIN,
	V2M_COMMIT,
	V2M_ROLLBACK,
	V2M_PUT_SUBJECT,  /* (row) */
	V2M_PUT_PART,     /* (row) */
	V2M_PUT_ALIAS,    /* (row) */
	V2M_PUT_RAW,      /* (row) */
	V2M_PUT_OVERLAP,  /* (row) */
	V2M_PUT_SESSIONS, /* (row) */
	V2M_PUT_ASIDE,    /* (row) */
	V2M_COUNT_STORE,
	V2M_GET_SUBJECTS,
	V2M_GET_PARTS,
	V2M_GET_ALIASES,
	V2M_GET_RAW,
	V2M_GET_OVERLAPS,
	V2M_GET_SESSIONS,
	V2M_GET_ASIDES,
	V2M_DELETE_OLD_RAW,
	V2M_ADD_DAY,   /* (row): added to the row that is there */
	V2M_ADD_MONTH, /* (row) */
	V2M_ADD_HOUR,  /* (row) */
	V2M_GET_DAYS,  /* (subject's name, first date, last date) */
	V2M_GET_MONTHS_OF,
	V2M_GET_DATE,  /* (date) */
	V2M_GET_MONTH, /* (month) */
	V2M_GET_HOURS, /* (subject's name, from, to): start_s in [from, to) */
	V2M_GET_IDENTITY,
	V2M_GET_IMPORT, /* (source, subject's name) */
	V2M_PUT_IMPORT, /* (row) */
	V2M_MOVE_DAYS,  /* (name of a subject, name of another): adds to the days of the other */
	V2M_MOVE_MONTHS,
	V2M_MOVE_HOURS,
	V2M_DELETE_DAYS_OF, /* (subject's name) */
	V2M_DELETE_MONTHS_OF,
	V2M_DELETE_HOURS_OF,
	V2M_DELETE_PARTS_OF,
	V2M_DELETE_SUBJECT,
	V2M_DELETE_DAYS_BEFORE,  /* (date) */
	V2M_DELETE_HOURS_BEFORE, /* (start_s) */
	V2M_N_STATEMENTS,
};

struct v2m_statements {
	sqlite3_stmt *prepared[V2M_N_STATEMENTS];
};

/* 0 or -errno; those that were prepared stay so until clear. */
int v2m_statements_prepare(sqlite3 *db, struct v2m_statements *statements, struct v2m_error *error);
void v2m_statements_clear(struct v2m_statements *statements);

/* A run of a statement: its parameters are bound one after the other. */
struct v2m_cursor {
	sqlite3_stmt *statement;
	const struct v2m_ledger_table *table;
	int n_bound;
	int code; /* the first failure to bind */
};

/* A run of a prepared statement, before its first parameter. */
struct v2m_cursor v2m_cursor_of(const struct v2m_statements *statements, enum v2m_statement which);
void v2m_bind_int(struct v2m_cursor *cursor, int64_t value);
void v2m_bind_text(struct v2m_cursor *cursor, const char *text);
/* All parameters at once. The row, its text included, has to live until the run. */
void v2m_bind_row(struct v2m_cursor *cursor, const void *row);
/* Runs a statement that returns no rows. 0 or -errno. */
int v2m_cursor_run(struct v2m_cursor *cursor);
/* Reads the next row. 1: there is one, whose text lives until the next call; 0: there are no more;
 * -errno with a sentence, -EUCLEAN also for a value that its column cannot hold. Reset the cursor
 * when done. */
int v2m_cursor_next(struct v2m_cursor *cursor, void *row, struct v2m_error *error);
void v2m_cursor_reset(struct v2m_cursor *cursor);

#endif
