/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ledger's statements, prepared once, and how values get in and out of them. */
#ifndef V2METER_LEDGER_STATEMENTS_H
#define V2METER_LEDGER_STATEMENTS_H

#include <sqlite3.h>

#include "accounting/history.h"
#include "base/error.h"

enum v2m_statement {
	V2M_BEGIN,
	V2M_COMMIT,
	V2M_ROLLBACK,
	V2M_PUT_SUBJECT,
	V2M_PUT_RAW,
	V2M_GET_SUBJECTS,
	V2M_GET_RAW,
	V2M_DELETE_OLD_RAW,
	/* Adding to what is there: (date or month, subject's name, figures). */
	V2M_ADD_DAY,
	V2M_ADD_MONTH,
	V2M_ADD_HOUR, /* (start_s, utc_offset_s, subject's name, figures) */
	V2M_GET_DAYS, /* (subject's name, first date, last date): (date, figures) */
	V2M_GET_MONTHS_OF,
	V2M_GET_DATE, /* (date): (subject's name, figures) */
	V2M_GET_MONTH,
	V2M_GET_HOURS,      /* (subject's name, from, to): (start_s, utc_offset_s, figures) */
	V2M_GET_IDENTITY,   /* (): (name) */
	V2M_GET_IMPORT,     /* (source, subject): (document) */
	V2M_PUT_IMPORT,     /* (source, subject, document, imported_us) */
	V2M_DELETE_DAYS_OF, /* (subject's name) */
	V2M_DELETE_MONTHS_OF,
	V2M_DELETE_HOURS_OF,
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

/* Binds the parameters of a statement, or reads the columns of its row, one after the other. */
struct v2m_cursor {
	sqlite3_stmt *statement;
	int column;
	int code; /* the first failure to bind stays */
};

/* Of a prepared statement, before its first parameter. */
struct v2m_cursor v2m_cursor_of(const struct v2m_statements *statements, enum v2m_statement which);
/* Unsigned values keep their bits, see the range in schema.c. */
void v2m_bind_u64(struct v2m_cursor *cursor, uint64_t value);
/* text may be NULL. */
void v2m_bind_text(struct v2m_cursor *cursor, const char *text);
void v2m_bind_blob(struct v2m_cursor *cursor, const void *bytes, size_t length);
void v2m_bind_totals(struct v2m_cursor *cursor, const struct v2m_totals *totals);
void v2m_bind_flow(struct v2m_cursor *cursor, const struct v2m_flow *flow);
void v2m_bind_figures(struct v2m_cursor *cursor, const struct v2m_history_figures *figures);
/* Runs a statement that returns no rows. 0 or -errno. */
int v2m_cursor_run(struct v2m_cursor *cursor);
/* 1: there is a row, to be read from its first column; 0: no more; -errno. Reset it when done. */
int v2m_cursor_next(struct v2m_cursor *cursor);
void v2m_cursor_reset(struct v2m_cursor *cursor);

/* The next column of the row. */
uint64_t v2m_read_u64(struct v2m_cursor *cursor);
/* Lives until the next row; NULL for NULL. */
const char *v2m_read_text(struct v2m_cursor *cursor);
struct v2m_flow v2m_read_flow(struct v2m_cursor *cursor);
struct v2m_totals v2m_read_totals(struct v2m_cursor *cursor);
struct v2m_history_figures v2m_read_figures(struct v2m_cursor *cursor);

#endif
