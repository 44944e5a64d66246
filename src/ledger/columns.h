/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one list of what the ledger stores: its tables, their columns, and the place of each value in
 * memory. The schema, the statements, storing, loading and salvaging follow from it.
 * To add a column, add a row in columns.c (for a counter: in V2M_TOTALS_COUNTERS) and raise
 * V2M_LEDGER_VERSION: rows of older files get 0.
 */
#ifndef V2METER_LEDGER_COLUMNS_H
#define V2METER_LEDGER_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

#include "accounting/history.h"
#include "accounting/parts.h"
#include "accounting/raw_port.h"
#include "base/error.h"

/* The version of the schema, PRAGMA user_version. */
#define V2M_LEDGER_VERSION 7

/* The type of a column. Each type has one C type, and a range that is checked whenever a value is
 * read: see types[] in columns.c. */
enum v2m_ledger_column_type {
	V2M_COLUMN_NAME,     /* char *, shorter than V2M_SUBJECT_LEN */
	V2M_COLUMN_TEXT,     /* char *, may be NULL */
	V2M_COLUMN_SUBJECT,  /* char *, a subject's name; stored as its subjects.id */
	V2M_COLUMN_COUNTER,  /* uint64_t, up to V2M_COUNTER_MAX; a sum stops there */
	V2M_COLUMN_PEAK,     /* uint32_t; a sum is the larger one of both */
	V2M_COLUMN_IDENTITY, /* uint64_t, compared for equality only */
	V2M_COLUMN_TIME,     /* int64_t, Unix microseconds, 0: never */
	V2M_COLUMN_PORT,     /* uint16_t, 0: none */
	V2M_COLUMN_INDEX,    /* uint32_t, v2m_sample_slot_index() */
	V2M_COLUMN_SLOT,     /* uint32_t, see v2m_slot_number() */
	V2M_COLUMN_EPOCH,    /* uint8_t[V2M_EPOCH_LEN] */
	V2M_COLUMN_DATE,     /* int32_t, 20250804 */
	V2M_COLUMN_MONTH,    /* int32_t, 202508 */
	V2M_COLUMN_START,    /* int64_t, Unix seconds, local start of an hour */
	V2M_COLUMN_OFFSET,   /* int32_t, seconds from UTC */
};

struct v2m_ledger_column {
	const char *name;
	enum v2m_ledger_column_type type;
	size_t offset; /* of the value in the row's struct */
};

struct v2m_ledger_table {
	const char *name;
	bool has_id; /* "id INTEGER PRIMARY KEY" comes before the columns */
	const struct v2m_ledger_column *columns;
	size_t n_columns;
	const char *unique; /* the columns that a row is found by, or NULL */
	const char *key;    /* of the table's own order; "rowid" or the primary key */
	const char *key_descending;
	const char *index; /* the columns of a further index, or NULL */
	size_t row_size;   /* of the row's struct */
	/* Compares the values of a row. Returns NULL, or what is wrong. May be NULL: nothing is
	 * compared. */
	const char *(*check)(const void *row);
	/* Totals and the readings behind them are salvaged together or not at all. Otherwise bytes
	 * would be counted twice. */
	bool is_total;
	/* The values are checked when the file is opened. */
	bool is_checked;
};

/* A row of days, months or hours. It has a date, or start_s and utc_offset_s. */
struct v2m_period {
	const char *subject;
	int32_t date; /* or month */
	int64_t start_s;
	int32_t utc_offset_s;
	struct v2m_history_figures figures;
};

/* A part of a subject. */
struct v2m_part_row {
	const char *subject;
	struct v2m_part part;
};

/* The name of a subject that was joined into another one. */
struct v2m_alias_row {
	const char *name;
	const char *subject;
};

/* Notes that a subject was imported from another ledger. */
struct v2m_import_mark {
	const char *source; /* identity of that ledger */
	const char *subject;
	const char *document;
	int64_t imported_us;
};

/* The name of this ledger, how often it has stored, and when it was begun from a damaged file of
 * which some rows could not be taken over, in Unix microseconds; 0: never. */
struct v2m_identity {
	const char *name;
	uint64_t stores;
	int64_t damaged_us;
};

extern const struct v2m_ledger_table v2m_ledger_table_subjects; /* of struct v2m_subject */
extern const struct v2m_ledger_table v2m_ledger_table_parts;
extern const struct v2m_ledger_table v2m_ledger_table_aliases;
extern const struct v2m_ledger_table v2m_ledger_table_raw;      /* of struct v2m_raw_port */
extern const struct v2m_ledger_table v2m_ledger_table_overlaps; /* of struct v2m_socket_overlap */
extern const struct v2m_ledger_table
	v2m_ledger_table_sessions;                            /* of struct v2m_accounted_sessions */
extern const struct v2m_ledger_table v2m_ledger_table_asides; /* of struct v2m_aside */
extern const struct v2m_ledger_table v2m_ledger_table_days;
extern const struct v2m_ledger_table v2m_ledger_table_months;
extern const struct v2m_ledger_table v2m_ledger_table_hours;
extern const struct v2m_ledger_table v2m_ledger_table_identity;
extern const struct v2m_ledger_table v2m_ledger_table_imports;

#define V2M_LEDGER_N_TABLES 12
/* All tables, totals and readings first. */
extern const struct v2m_ledger_table *const v2m_ledger_tables[V2M_LEDGER_N_TABLES];

/* The column's type in SQL, with its constraints. */
const char *v2m_ledger_column_sql_type(const struct v2m_ledger_column *column);
/* Binds a row's columns as the parameters of a statement, from the first one on. Text and blobs are
 * not copied. An SQLite result code. */
int v2m_row_bind(const struct v2m_ledger_table *table, const void *row, sqlite3_stmt *statement);
/* Reads the columns of a statement's row, from result number first on. Other members of *row do not
 * change. Text is valid until the next step. 0; -EUCLEAN with a sentence if a value does not have
 * the type, sign or range of its column, or if values contradict each other; -ENOMEM. */
int v2m_row_read(const struct v2m_ledger_table *table, sqlite3_stmt *statement, int first,
		 void *row, struct v2m_error *error);

#endif
