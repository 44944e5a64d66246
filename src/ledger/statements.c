// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/statements.h"

#include <string.h>

#include "base/calendar.h"
#include "base/macros.h"
#include "ledger/schema.h"

#define TOTALS  "rx_packets, rx_wire, rx_payload, tx_packets, tx_wire, tx_payload"
#define FIGURES TOTALS ", max_connections, sessions"
#define ADD_FIGURES                                                                                \
	" rx_packets = rx_packets + excluded.rx_packets, rx_wire = rx_wire + excluded.rx_wire,"    \
	" rx_payload = rx_payload + excluded.rx_payload,"                                          \
	" tx_packets = tx_packets + excluded.tx_packets, tx_wire = tx_wire + excluded.tx_wire,"    \
	" tx_payload = tx_payload + excluded.tx_payload,"                                          \
	" max_connections = max(max_connections, excluded.max_connections),"                       \
	" sessions = sessions + excluded.sessions"
#define SUBJECT(parameter) "(SELECT id FROM subjects WHERE name = " parameter ")"

/* What a look-up by start_s has to be wider for, to find all hours by the wall clock. */
#define OFFSET_MAX V2M_STRINGIFY(V2M_UTC_OFFSET_MAX_S)

#define SUBJECT_COLUMNS                                                                            \
	"name, key_name, port, first_seen_us, last_activity_us, reset_us,"                         \
	" max_connections, sessions, " TOTALS ", base_rx_packets, base_rx_wire, base_rx_payload,"  \
	" base_tx_packets, base_tx_wire, base_tx_payload,"                                         \
	" history_rx_packets, history_rx_wire, history_rx_payload,"                                \
	" history_tx_packets, history_tx_wire, history_tx_payload"
#define RAW_COLUMNS                                                                                \
	"port, epoch, read_us, assigned_ns, tcp_rx_packets, tcp_rx_wire, tcp_rx_payload,"          \
	" tcp_tx_packets, tcp_tx_wire, tcp_tx_payload,"                                            \
	" udp_rx_packets, udp_rx_wire, udp_rx_payload,"                                            \
	" udp_tx_packets, udp_tx_wire, udp_tx_payload"

static const char *const sql[V2M_N_STATEMENTS] = {
	[V2M_BEGIN] = "BEGIN IMMEDIATE",
	[V2M_COMMIT] = "COMMIT",
	[V2M_ROLLBACK] = "ROLLBACK",
	/* Not REPLACE, which would give the subject another id. */
	[V2M_PUT_SUBJECT] =
		"INSERT INTO subjects (" SUBJECT_COLUMNS ")"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
		" ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26) ON CONFLICT (name) DO UPDATE "
		"SET"
		" key_name = ?2, port = ?3, first_seen_us = ?4, last_activity_us = ?5,"
		" reset_us = ?6, max_connections = ?7, sessions = ?8,"
		" rx_packets = ?9, rx_wire = ?10, rx_payload = ?11,"
		" tx_packets = ?12, tx_wire = ?13, tx_payload = ?14,"
		" base_rx_packets = ?15, base_rx_wire = ?16, base_rx_payload = ?17,"
		" base_tx_packets = ?18, base_tx_wire = ?19, base_tx_payload = ?20,"
		" history_rx_packets = ?21, history_rx_wire = ?22, history_rx_payload = ?23,"
		" history_tx_packets = ?24, history_tx_wire = ?25, history_tx_payload = ?26",
	[V2M_PUT_RAW] =
		"INSERT OR REPLACE INTO raw (" RAW_COLUMNS ")"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
	[V2M_GET_SUBJECTS] = "SELECT " SUBJECT_COLUMNS " FROM subjects",
	[V2M_GET_RAW] = "SELECT " RAW_COLUMNS " FROM raw",
	[V2M_ADD_DAY] = "INSERT INTO days (date, subject, " FIGURES ")"
			" VALUES (?1, " SUBJECT(
				"?2") ", ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
				      " ON CONFLICT (date, subject) DO UPDATE SET" ADD_FIGURES,
	[V2M_ADD_MONTH] = "INSERT INTO months (month, subject, " FIGURES ")"
			  " VALUES (?1, " SUBJECT(
				  "?2") ", ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
					" ON CONFLICT (month, subject) DO UPDATE SET" ADD_FIGURES,
	[V2M_ADD_HOUR] = "INSERT INTO hours (start_s, utc_offset_s, subject, " FIGURES ")"
			 " VALUES (?1, ?2, " SUBJECT("?3") ", ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
							   " ON CONFLICT (start_s, utc_offset_s, "
							   "subject) DO UPDATE SET" ADD_FIGURES,
	/* Epochs of boots long ago never come back. The clock alone does not tell which those are:
	 * after a time in which it was ahead, the reading in force is the oldest by it, and without
	 * that all its bytes would count again. */
	[V2M_DELETE_OLD_RAW] =
		"DELETE FROM raw WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number()"
		" OVER (PARTITION BY port ORDER BY read_us DESC) AS by_clock, row_number()"
		" OVER (PARTITION BY port ORDER BY rowid DESC) AS by_age FROM raw)"
		" WHERE by_clock > 8 AND by_age > 8)",
	[V2M_GET_DAYS] = "SELECT date, " FIGURES " FROM days WHERE subject = " SUBJECT(
		"?1") " AND date BETWEEN ?2 AND ?3 ORDER BY date",
	[V2M_GET_MONTHS_OF] = "SELECT month, " FIGURES " FROM months WHERE subject = " SUBJECT(
		"?1") " AND month BETWEEN ?2 AND ?3 ORDER BY month",
	[V2M_GET_IDENTITY] = "SELECT name FROM identity",
	[V2M_GET_IMPORT] = "SELECT document FROM imports WHERE source = ?1 AND subject = ?2",
	[V2M_PUT_IMPORT] = "INSERT INTO imports (source, subject, document, imported_us)"
			   " VALUES (?1, ?2, ?3, ?4)",
	[V2M_GET_DATE] = "SELECT s.name, d.rx_packets, d.rx_wire, d.rx_payload, d.tx_packets,"
			 " d.tx_wire, d.tx_payload, d.max_connections, d.sessions"
			 " FROM days d JOIN subjects s ON s.id = d.subject WHERE d.date = ?1",
	[V2M_GET_MONTH] = "SELECT s.name, m.rx_packets, m.rx_wire, m.rx_payload, m.tx_packets,"
			  " m.tx_wire, m.tx_payload, m.max_connections, m.sessions"
			  " FROM months m JOIN subjects s ON s.id = m.subject WHERE m.month = ?1",
	[V2M_GET_HOURS] =
		"SELECT start_s, utc_offset_s, " FIGURES " FROM hours WHERE subject = " SUBJECT(
			"?1") " AND start_s >= ?2 - " OFFSET_MAX " AND start_s < ?3 + " OFFSET_MAX
			      " AND start_s + utc_offset_s >= ?2 AND start_s + utc_offset_s < ?3"
			      " ORDER BY start_s, utc_offset_s",
	[V2M_DELETE_DAYS_OF] = "DELETE FROM days WHERE subject = " SUBJECT("?1"),
	[V2M_DELETE_MONTHS_OF] = "DELETE FROM months WHERE subject = " SUBJECT("?1"),
	[V2M_DELETE_HOURS_OF] = "DELETE FROM hours WHERE subject = " SUBJECT("?1"),
	[V2M_DELETE_DAYS_BEFORE] = "DELETE FROM days WHERE date < ?1",
	[V2M_DELETE_HOURS_BEFORE] = "DELETE FROM hours WHERE start_s < ?1 + " OFFSET_MAX
				    " AND start_s + utc_offset_s < ?1",
};

int v2m_statements_prepare(sqlite3 *db, struct v2m_statements *statements, struct v2m_error *error)
{
	for (size_t i = 0; i < V2M_N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &statements->prepared[i], NULL) != SQLITE_OK)
			return v2m_sqlite_error(db, "ledger", error);
	return 0;
}

void v2m_statements_clear(struct v2m_statements *statements)
{
	for (size_t i = 0; i < V2M_N_STATEMENTS; i++)
		sqlite3_finalize(statements->prepared[i]);
	memset(statements, 0, sizeof(*statements));
}

struct v2m_cursor v2m_cursor_of(const struct v2m_statements *statements, enum v2m_statement which)
{
	return (struct v2m_cursor){ .statement = statements->prepared[which] };
}

void v2m_bind_u64(struct v2m_cursor *cursor, uint64_t value)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = sqlite3_bind_int64(cursor->statement, ++cursor->column,
						  (sqlite3_int64)value);
}

/* SQLITE_STATIC in both: what is bound outlives the run, and is bound anew before the next. */
void v2m_bind_text(struct v2m_cursor *cursor, const char *text)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = sqlite3_bind_text(cursor->statement, ++cursor->column, text, -1,
						 SQLITE_STATIC);
}

void v2m_bind_blob(struct v2m_cursor *cursor, const void *bytes, size_t length)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = sqlite3_bind_blob(cursor->statement, ++cursor->column, bytes,
						 (int)length, SQLITE_STATIC);
}

void v2m_bind_flow(struct v2m_cursor *cursor, const struct v2m_flow *flow)
{
	v2m_bind_u64(cursor, flow->packets);
	v2m_bind_u64(cursor, flow->wire_bytes);
	v2m_bind_u64(cursor, flow->payload_bytes);
}

void v2m_bind_totals(struct v2m_cursor *cursor, const struct v2m_totals *totals)
{
	v2m_bind_flow(cursor, &totals->rx);
	v2m_bind_flow(cursor, &totals->tx);
}

void v2m_bind_figures(struct v2m_cursor *cursor, const struct v2m_history_figures *figures)
{
	v2m_bind_totals(cursor, &figures->totals);
	v2m_bind_u64(cursor, figures->max_connections);
	v2m_bind_u64(cursor, figures->sessions);
}

int v2m_cursor_run(struct v2m_cursor *cursor)
{
	int code = cursor->code;

	if (code == SQLITE_OK)
		code = sqlite3_step(cursor->statement);
	sqlite3_reset(cursor->statement);
	return v2m_sqlite_errno(code);
}

int v2m_cursor_next(struct v2m_cursor *cursor)
{
	int code = cursor->code;

	if (code == SQLITE_OK)
		code = sqlite3_step(cursor->statement);
	cursor->column = 0;
	return code == SQLITE_ROW ? 1 : v2m_sqlite_errno(code);
}

void v2m_cursor_reset(struct v2m_cursor *cursor)
{
	sqlite3_reset(cursor->statement);
}

uint64_t v2m_read_u64(struct v2m_cursor *cursor)
{
	return (uint64_t)sqlite3_column_int64(cursor->statement, cursor->column++);
}

const char *v2m_read_text(struct v2m_cursor *cursor)
{
	return (const char *)sqlite3_column_text(cursor->statement, cursor->column++);
}

struct v2m_flow v2m_read_flow(struct v2m_cursor *cursor)
{
	struct v2m_flow flow;

	flow.packets = v2m_read_u64(cursor);
	flow.wire_bytes = v2m_read_u64(cursor);
	flow.payload_bytes = v2m_read_u64(cursor);
	return flow;
}

struct v2m_totals v2m_read_totals(struct v2m_cursor *cursor)
{
	struct v2m_totals totals;

	totals.rx = v2m_read_flow(cursor);
	totals.tx = v2m_read_flow(cursor);
	return totals;
}

struct v2m_history_figures v2m_read_figures(struct v2m_cursor *cursor)
{
	struct v2m_history_figures figures;

	figures.totals = v2m_read_totals(cursor);
	figures.max_connections = (uint32_t)v2m_read_u64(cursor);
	figures.sessions = v2m_read_u64(cursor);
	return figures;
}
