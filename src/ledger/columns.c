// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/columns.h"

#include <errno.h>
#include <string.h>

#include "accounting/raw_port.h"
#include "accounting/sample_slots.h"
#include "accounting/slot_items.h"
#include "accounting/subject.h"
#include "keys/keys.h"

#define FLOW_COUNTER(name, counter, prefix, type, member)                                          \
	{ prefix #name, V2M_COLUMN_COUNTER, offsetof(type, member.counter) },
#define FLOW(prefix, type, member) V2M_FLOW_COUNTERS(FLOW_COUNTER, prefix, type, member)
#define RX_COUNTER(name, rx, tx, prefix, type, member)                                             \
	{ prefix "rx_" #name, V2M_COLUMN_COUNTER, offsetof(type, member.rx) },
#define TX_COUNTER(name, rx, tx, prefix, type, member)                                             \
	{ prefix "tx_" #name, V2M_COLUMN_COUNTER, offsetof(type, member.tx) },
#define TOTALS(prefix, type, member)                                                               \
	V2M_TOTALS_COUNTERS(RX_COUNTER, prefix, type, member)                                      \
	V2M_TOTALS_COUNTERS(TX_COUNTER, prefix, type, member)
#define FIGURES(type, member)                                                                      \
	TOTALS("", type, member.totals){ "max_connections", V2M_COLUMN_PEAK,                       \
					 offsetof(type, member.max_connections) },                 \
		{ "sessions", V2M_COLUMN_COUNTER, offsetof(type, member.sessions) },

static const struct v2m_ledger_column subject_columns[] = {
	/* The name is the result of v2m_keyset_subject(). */
	{ "name", V2M_COLUMN_NAME, offsetof(struct v2m_subject, id) },
	{ "key_name", V2M_COLUMN_TEXT, offsetof(struct v2m_subject, name) },
	{ "port", V2M_COLUMN_PORT, offsetof(struct v2m_subject, port) },
	{ "first_seen_us", V2M_COLUMN_TIME, offsetof(struct v2m_subject, first_seen_us) },
	{ "last_activity_us", V2M_COLUMN_TIME, offsetof(struct v2m_subject, last_activity_us) },
	{ "reset_us", V2M_COLUMN_TIME, offsetof(struct v2m_subject, reset_us) },
	{ "max_connections", V2M_COLUMN_PEAK, offsetof(struct v2m_subject, max_connections) },
	{ "sessions", V2M_COLUMN_COUNTER, offsetof(struct v2m_subject, sessions) },
	TOTALS("", struct v2m_subject, lifetime) TOTALS("base_", struct v2m_subject, baseline)
		TOTALS("history_", struct v2m_subject, history_baseline)
};

static const struct v2m_ledger_column part_columns[] = {
	{ "subject", V2M_COLUMN_SUBJECT, offsetof(struct v2m_part_row, subject) },
	{ "slot_number", V2M_COLUMN_SLOT, offsetof(struct v2m_part_row, part.slot_number) },
	TOTALS("", struct v2m_part_row, part.lifetime)
		TOTALS("base_", struct v2m_part_row, part.baseline)
};

static const struct v2m_ledger_column alias_columns[] = {
	{ "name", V2M_COLUMN_NAME, offsetof(struct v2m_alias_row, name) },
	{ "subject", V2M_COLUMN_SUBJECT, offsetof(struct v2m_alias_row, subject) },
};

static const struct v2m_ledger_column raw_columns[] = {
	{ "slot", V2M_COLUMN_INDEX, offsetof(struct v2m_raw_port, raw.slot) },
	{ "epoch", V2M_COLUMN_EPOCH, offsetof(struct v2m_raw_port, epoch) },
	{ "read_us", V2M_COLUMN_TIME, offsetof(struct v2m_raw_port, read_us) },
	{ "assigned_ns", V2M_COLUMN_IDENTITY, offsetof(struct v2m_raw_port, raw.assigned_ns) },
	FLOW("tcp_rx_", struct v2m_raw_port, raw.tcp_rx)
		FLOW("tcp_tx_", struct v2m_raw_port, raw.tcp_tx)
			FLOW("udp_rx_", struct v2m_raw_port, raw.udp_rx)
				FLOW("udp_tx_", struct v2m_raw_port, raw.udp_tx)
};

static const struct v2m_ledger_column overlap_columns[] = {
	{ "slot_number", V2M_COLUMN_SLOT, offsetof(struct v2m_socket_overlap, slot_number) },
	TOTALS("", struct v2m_socket_overlap, counted)
};

static const struct v2m_ledger_column session_columns[] = {
	{ "slot_number", V2M_COLUMN_SLOT, offsetof(struct v2m_accounted_sessions, slot_number) },
	{ "assigned_ns", V2M_COLUMN_IDENTITY,
	  offsetof(struct v2m_accounted_sessions, assigned_ns) },
	{ "opened", V2M_COLUMN_COUNTER, offsetof(struct v2m_accounted_sessions, opened) },
	{ "delivered_assigned_ns", V2M_COLUMN_IDENTITY,
	  offsetof(struct v2m_accounted_sessions, delivered.assigned_ns) },
	{ "delivered_rx", V2M_COLUMN_COUNTER,
	  offsetof(struct v2m_accounted_sessions, delivered.rx_bytes) },
	{ "delivered_tx", V2M_COLUMN_COUNTER,
	  offsetof(struct v2m_accounted_sessions, delivered.tx_bytes) },
};

static const struct v2m_ledger_column day_columns[] = {
	{ "date", V2M_COLUMN_DATE, offsetof(struct v2m_period, date) },
	{ "subject", V2M_COLUMN_SUBJECT, offsetof(struct v2m_period, subject) },
	FIGURES(struct v2m_period, figures)
};

static const struct v2m_ledger_column month_columns[] = {
	{ "month", V2M_COLUMN_MONTH, offsetof(struct v2m_period, date) },
	{ "subject", V2M_COLUMN_SUBJECT, offsetof(struct v2m_period, subject) },
	FIGURES(struct v2m_period, figures)
};

static const struct v2m_ledger_column hour_columns[] = {
	{ "start_s", V2M_COLUMN_START, offsetof(struct v2m_period, start_s) },
	{ "utc_offset_s", V2M_COLUMN_OFFSET, offsetof(struct v2m_period, utc_offset_s) },
	{ "subject", V2M_COLUMN_SUBJECT, offsetof(struct v2m_period, subject) },
	FIGURES(struct v2m_period, figures)
};

static const struct v2m_ledger_column identity_columns[] = {
	{ "name", V2M_COLUMN_NAME, offsetof(struct v2m_identity, name) },
	{ "stores", V2M_COLUMN_COUNTER, offsetof(struct v2m_identity, stores) },
	{ "damaged_us", V2M_COLUMN_TIME, offsetof(struct v2m_identity, damaged_us) },
};

static const struct v2m_ledger_column aside_columns[] = {
	{ "found_us", V2M_COLUMN_TIME, offsetof(struct v2m_aside, found_us) },
	{ "port", V2M_COLUMN_PORT, offsetof(struct v2m_aside, port) },
	{ "last_port", V2M_COLUMN_PORT, offsetof(struct v2m_aside, last_port) },
	TOTALS("", struct v2m_aside, totals)
};

static const struct v2m_ledger_column import_columns[] = {
	{ "source", V2M_COLUMN_NAME, offsetof(struct v2m_import_mark, source) },
	{ "subject", V2M_COLUMN_NAME, offsetof(struct v2m_import_mark, subject) },
	{ "document", V2M_COLUMN_NAME, offsetof(struct v2m_import_mark, document) },
	{ "imported_us", V2M_COLUMN_TIME, offsetof(struct v2m_import_mark, imported_us) },
};

static const char *check_subject(const void *row)
{
	const struct v2m_subject *subject = row;

	if (v2m_totals_are_below(&subject->lifetime, &subject->baseline))
		return "a base_ counter is above the total";
	if (v2m_totals_are_below(&subject->lifetime, &subject->history_baseline))
		return "a history_ counter is above the total";
	return NULL;
}

static const char *check_part(const void *row)
{
	const struct v2m_part *part = &((const struct v2m_part_row *)row)->part;

	if (v2m_totals_are_below(&part->lifetime, &part->baseline))
		return "a base_ counter is above the total";
	return NULL;
}

#define COLUMNS(list) .columns = (list), .n_columns = V2M_ARRAY_LEN(list)

const struct v2m_ledger_table v2m_ledger_table_subjects = {
	.name = "subjects",
	.has_id = true,
	COLUMNS(subject_columns),
	.unique = "name",
	.key = "rowid",
	.key_descending = "rowid DESC",
	.row_size = sizeof(struct v2m_subject),
	.check = check_subject,
	.is_total = true,
	.is_checked = true,
};

/* If rows are lost, the totals of the key still hold their bytes. */
const struct v2m_ledger_table v2m_ledger_table_parts = {
	.name = "parts",
	COLUMNS(part_columns),
	.key = "subject, slot_number",
	.key_descending = "subject DESC, slot_number DESC",
	.row_size = sizeof(struct v2m_part_row),
	.check = check_part,
	.is_checked = true,
};

const struct v2m_ledger_table v2m_ledger_table_aliases = {
	.name = "aliases",
	COLUMNS(alias_columns),
	.key = "name",
	.key_descending = "name DESC",
	.row_size = sizeof(struct v2m_alias_row),
	.is_checked = true,
};

const struct v2m_ledger_table v2m_ledger_table_raw = {
	.name = "raw",
	COLUMNS(raw_columns),
	.unique = "slot, epoch",
	.key = "rowid",
	.key_descending = "rowid DESC",
	.row_size = sizeof(struct v2m_raw_port),
	.is_total = true,
	.is_checked = true,
};

const struct v2m_ledger_table v2m_ledger_table_overlaps = {
	.name = "socket_overlaps",
	COLUMNS(overlap_columns),
	.unique = "slot_number",
	.key = "rowid",
	.key_descending = "rowid DESC",
	.row_size = sizeof(struct v2m_socket_overlap),
	.is_total = true,
	.is_checked = true,
};

const struct v2m_ledger_table v2m_ledger_table_sessions = {
	.name = "session_readings",
	COLUMNS(session_columns),
	.unique = "slot_number",
	.key = "rowid",
	.key_descending = "rowid DESC",
	.row_size = sizeof(struct v2m_accounted_sessions),
	.is_total = true,
	.is_checked = true,
};

/* The rows of one day lie together: a flush of 4,096 keys touches some 60 pages; ordered by subject
 * it would touch 4,096. */
const struct v2m_ledger_table v2m_ledger_table_days = {
	.name = "days",
	COLUMNS(day_columns),
	.key = "date, subject",
	.key_descending = "date DESC, subject DESC",
	.index = "subject, date",
	.row_size = sizeof(struct v2m_period),
};

const struct v2m_ledger_table v2m_ledger_table_months = {
	.name = "months",
	COLUMNS(month_columns),
	.key = "month, subject",
	.key_descending = "month DESC, subject DESC",
	.index = "subject, month",
	.row_size = sizeof(struct v2m_period),
};

const struct v2m_ledger_table v2m_ledger_table_hours = {
	.name = "hours",
	COLUMNS(hour_columns),
	.key = "start_s, utc_offset_s, subject",
	.key_descending = "start_s DESC, utc_offset_s DESC, subject DESC",
	.index = "subject, start_s",
	.row_size = sizeof(struct v2m_period),
};

/* Bytes that belong to nobody: see accounting/account_aside.h. */
const struct v2m_ledger_table v2m_ledger_table_asides = {
	.name = "set_aside",
	COLUMNS(aside_columns),
	.unique = "found_us, port",
	.key = "rowid",
	.key_descending = "rowid DESC",
	.row_size = sizeof(struct v2m_aside),
	.is_checked = true,
};

/* Tells the exports of this ledger from those of others. */
const struct v2m_ledger_table v2m_ledger_table_identity = {
	.name = "identity",
	.has_id = true,
	COLUMNS(identity_columns),
	.key = "rowid",
	.key_descending = "rowid DESC",
	.row_size = sizeof(struct v2m_identity),
	.is_total = true,
	.is_checked = true,
};

const struct v2m_ledger_table v2m_ledger_table_imports = {
	.name = "imports",
	COLUMNS(import_columns),
	.key = "source, subject",
	.key_descending = "source DESC, subject DESC",
	.row_size = sizeof(struct v2m_import_mark),
	.is_total = true,
	.is_checked = true,
};

const struct v2m_ledger_table *const v2m_ledger_tables[V2M_LEDGER_N_TABLES] = {
	&v2m_ledger_table_subjects, &v2m_ledger_table_raw,      &v2m_ledger_table_overlaps,
	&v2m_ledger_table_sessions, &v2m_ledger_table_identity, &v2m_ledger_table_imports,
	&v2m_ledger_table_asides,   &v2m_ledger_table_parts,    &v2m_ledger_table_aliases,
	&v2m_ledger_table_months,   &v2m_ledger_table_days,     &v2m_ledger_table_hours,
};

/* For integers: the size of the value in memory, and its range. If the size is 0, the type is no
 * integer. An hour may begin before 1970 if the clock was never set. */
static const struct type {
	const char *sql;
	size_t size;
	int64_t min;
	int64_t max;
} types[] = {
	[V2M_COLUMN_NAME] = { .sql = "TEXT NOT NULL" },
	[V2M_COLUMN_TEXT] = { .sql = "TEXT" },
	[V2M_COLUMN_SUBJECT] = { .sql = "INTEGER NOT NULL" },
	[V2M_COLUMN_COUNTER] = { "INTEGER NOT NULL DEFAULT 0", sizeof(uint64_t), 0, INT64_MAX },
	[V2M_COLUMN_PEAK] = { "INTEGER NOT NULL DEFAULT 0", sizeof(uint32_t), 0, UINT32_MAX },
	[V2M_COLUMN_IDENTITY] = { "INTEGER NOT NULL DEFAULT 0", sizeof(uint64_t), INT64_MIN,
				  INT64_MAX },
	[V2M_COLUMN_TIME] = { "INTEGER NOT NULL DEFAULT 0", sizeof(int64_t), 0, INT64_MAX },
	[V2M_COLUMN_PORT] = { "INTEGER NOT NULL DEFAULT 0", sizeof(uint16_t), 0, UINT16_MAX },
	[V2M_COLUMN_INDEX] = { "INTEGER NOT NULL", sizeof(uint32_t), 0, V2M_SLOT_INDICES - 1 },
	[V2M_COLUMN_SLOT] = { "INTEGER NOT NULL", sizeof(uint32_t), 1, V2M_SLOT_NUMBERS - 1 },
	[V2M_COLUMN_EPOCH] = { .sql = "BLOB NOT NULL" },
	[V2M_COLUMN_DATE] = { "INTEGER NOT NULL", sizeof(int32_t), 19691231, 99991231 },
	[V2M_COLUMN_MONTH] = { "INTEGER NOT NULL", sizeof(int32_t), 196912, 999912 },
	[V2M_COLUMN_START] = { "INTEGER NOT NULL", sizeof(int64_t), -86400, INT64_MAX },
	[V2M_COLUMN_OFFSET] = { "INTEGER NOT NULL", sizeof(int32_t), -86400, 86400 },
};

const char *v2m_ledger_column_sql_type(const struct v2m_ledger_column *column)
{
	return types[column->type].sql;
}

static const void *value_of(const struct v2m_ledger_column *column, const void *row)
{
	return (const char *)row + column->offset;
}

static int64_t load_integer(const struct type *type, const void *value)
{
	if (type->size == sizeof(uint16_t))
		return *(const uint16_t *)value;
	if (type->size == sizeof(uint32_t))
		return type->min < 0 ? (int64_t) * (const int32_t *)value
				     : (int64_t) * (const uint32_t *)value;
	return *(const int64_t *)value;
}

static void store_integer(const struct type *type, void *value, int64_t integer)
{
	if (type->size == sizeof(uint16_t))
		*(uint16_t *)value = (uint16_t)integer;
	else if (type->size == sizeof(uint32_t))
		*(uint32_t *)value = (uint32_t)integer;
	else
		*(int64_t *)value = integer;
}

static int bind_column(const struct v2m_ledger_column *column, const void *row,
		       sqlite3_stmt *statement, int number)
{
	const struct type *type = &types[column->type];
	const void *value = value_of(column, row);
	int64_t integer;

	/* SQLITE_STATIC: the row outlives the run of the statement. */
	if (column->type == V2M_COLUMN_EPOCH)
		return sqlite3_bind_blob(statement, number, value, V2M_EPOCH_LEN, SQLITE_STATIC);
	if (!type->size)
		return sqlite3_bind_text(statement, number, *(const char *const *)value, -1,
					 SQLITE_STATIC);
	integer = load_integer(type, value);
	if (column->type == V2M_COLUMN_COUNTER && integer < 0)
		integer = INT64_MAX;
	return sqlite3_bind_int64(statement, number, integer);
}

static const char *name_of_type(int type)
{
	static const char *const names[] = {
		[SQLITE_INTEGER] = "an integer", [SQLITE_FLOAT] = "a float", [SQLITE_TEXT] = "text",
		[SQLITE_BLOB] = "a blob",        [SQLITE_NULL] = "null",
	};

	return names[type];
}

static int read_integer(const struct v2m_ledger_table *table,
			const struct v2m_ledger_column *column, sqlite3_value *read, void *value,
			struct v2m_error *error)
{
	const struct type *type = &types[column->type];
	int64_t integer = sqlite3_value_int64(read);

	if (sqlite3_value_type(read) != SQLITE_INTEGER)
		return v2m_error_set(
			error, -EUCLEAN, "%s.%s is %s, expected an integer from %lld to %lld",
			table->name, column->name, name_of_type(sqlite3_value_type(read)),
			(long long)type->min, (long long)type->max);
	if (integer < type->min || integer > type->max)
		return v2m_error_set(error, -EUCLEAN,
				     "%s.%s is %lld, expected an integer from %lld to %lld",
				     table->name, column->name, (long long)integer,
				     (long long)type->min, (long long)type->max);
	store_integer(type, value, integer);
	return 0;
}

/* No message repeats a name, because it may be a credential. */
static int read_text(const struct v2m_ledger_table *table, const struct v2m_ledger_column *column,
		     sqlite3_stmt *statement, int number, const char **value,
		     struct v2m_error *error)
{
	int type = sqlite3_column_type(statement, number);
	bool is_null = type == SQLITE_NULL && column->type == V2M_COLUMN_TEXT;

	if (type != SQLITE_TEXT && !is_null)
		return v2m_error_set(error, -EUCLEAN, "%s.%s is %s, expected text", table->name,
				     column->name, name_of_type(type));
	*value = (const char *)sqlite3_column_text(statement, number);
	if (!is_null && !*value)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	if (column->type == V2M_COLUMN_NAME && strlen(*value) >= V2M_SUBJECT_LEN)
		return v2m_error_set(error, -EUCLEAN, "%s.%s is longer than %d bytes", table->name,
				     column->name, V2M_SUBJECT_LEN - 1);
	return 0;
}

static int read_column(const struct v2m_ledger_table *table, const struct v2m_ledger_column *column,
		       sqlite3_stmt *statement, int number, void *row, struct v2m_error *error)
{
	void *value = (char *)row + column->offset;
	int type;

	if (types[column->type].size)
		return read_integer(table, column, sqlite3_column_value(statement, number), value,
				    error);
	type = sqlite3_column_type(statement, number);
	/* Salvaging reads the id of a subject here, which it copies as it is. */
	if (column->type == V2M_COLUMN_SUBJECT && type == SQLITE_INTEGER)
		return 0;
	if (column->type != V2M_COLUMN_EPOCH)
		return read_text(table, column, statement, number, value, error);
	if (type != SQLITE_BLOB || sqlite3_column_bytes(statement, number) != V2M_EPOCH_LEN)
		return v2m_error_set(error, -EUCLEAN, "%s.%s is no blob of %d bytes", table->name,
				     column->name, V2M_EPOCH_LEN);
	memcpy(value, sqlite3_column_blob(statement, number), V2M_EPOCH_LEN);
	return 0;
}

int v2m_row_bind(const struct v2m_ledger_table *table, const void *row, sqlite3_stmt *statement)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < table->n_columns && code == SQLITE_OK; i++)
		code = bind_column(&table->columns[i], row, statement, (int)i + 1);
	return code;
}

int v2m_row_read(const struct v2m_ledger_table *table, sqlite3_stmt *statement, int first,
		 void *row, struct v2m_error *error)
{
	const char *contradiction = NULL;
	int result = 0;

	for (size_t i = 0; i < table->n_columns && result == 0; i++)
		result = read_column(table, &table->columns[i], statement, first + (int)i, row,
				     error);
	if (result == 0 && table->check)
		contradiction = table->check(row);
	if (contradiction)
		return v2m_error_set(error, -EUCLEAN, "a row of %s contradicts itself: %s",
				     table->name, contradiction);
	return result;
}
