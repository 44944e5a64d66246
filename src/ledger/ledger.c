// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/ledger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/file.h"
#include "ledger/schema.h"

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	PUT_SUBJECT,
	PUT_RAW,
	GET_SUBJECTS,
	GET_RAW,
	N_STATEMENTS,
};

static const char *const statement_sql[N_STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[PUT_SUBJECT] = "INSERT INTO subjects (name, first_seen_us, last_activity_us, reset_us,"
			" rx_packets, rx_wire, rx_payload, tx_packets, tx_wire, tx_payload,"
			" base_rx_packets, base_rx_wire, base_rx_payload,"
			" base_tx_packets, base_tx_wire, base_tx_payload)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
			" ?16) ON CONFLICT (name) DO UPDATE SET"
			" first_seen_us = ?2, last_activity_us = ?3, reset_us = ?4,"
			" rx_packets = ?5, rx_wire = ?6, rx_payload = ?7,"
			" tx_packets = ?8, tx_wire = ?9, tx_payload = ?10,"
			" base_rx_packets = ?11, base_rx_wire = ?12, base_rx_payload = ?13,"
			" base_tx_packets = ?14, base_tx_wire = ?15, base_tx_payload = ?16",
	[PUT_RAW] = "INSERT OR REPLACE INTO raw (port, epoch, assigned_ns,"
		    " tcp_rx_packets, tcp_rx_wire, tcp_rx_payload,"
		    " tcp_tx_packets, tcp_tx_wire, tcp_tx_payload,"
		    " udp_rx_packets, udp_rx_wire, udp_rx_payload,"
		    " udp_tx_packets, udp_tx_wire, udp_tx_payload)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
	[GET_SUBJECTS] = "SELECT name, first_seen_us, last_activity_us, reset_us,"
			 " rx_packets, rx_wire, rx_payload, tx_packets, tx_wire, tx_payload,"
			 " base_rx_packets, base_rx_wire, base_rx_payload,"
			 " base_tx_packets, base_tx_wire, base_tx_payload FROM subjects",
	[GET_RAW] = "SELECT port, epoch, assigned_ns,"
		    " tcp_rx_packets, tcp_rx_wire, tcp_rx_payload,"
		    " tcp_tx_packets, tcp_tx_wire, tcp_tx_payload,"
		    " udp_rx_packets, udp_rx_wire, udp_rx_payload,"
		    " udp_tx_packets, udp_tx_wire, udp_tx_payload FROM raw",
};

struct v2m_ledger {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
};

static int prepare_statements(struct v2m_ledger *ledger, struct v2m_error *error)
{
	for (size_t i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(ledger->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &ledger->statements[i], NULL) != SQLITE_OK)
			return v2m_sqlite_error(ledger->db, ledger->path, error);
	return 0;
}

int v2m_ledger_open(const char *state_dir, struct v2m_ledger **ledger, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_ledger_closep)
	struct v2m_ledger *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened || asprintf(&opened->path, "%s/ledger.db", state_dir) < 0)
		return v2m_error_set(error, -ENOMEM, "ledger: out of memory");
	result = v2m_ledger_file_open(opened->path, &opened->db, error);
	if (result == 0)
		result = prepare_statements(opened, error);
	if (result == 0)
		*ledger = V2M_TAKE(opened);
	return result;
}

void v2m_ledger_close(struct v2m_ledger *ledger)
{
	if (!ledger)
		return;
	for (size_t i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(ledger->statements[i]);
	sqlite3_close_v2(ledger->db);
	free(ledger->path);
	free(ledger);
}

void v2m_ledger_closep(struct v2m_ledger **ledger)
{
	v2m_ledger_close(*ledger);
}

/* A cursor binds or reads one column after the other; the first failure stays. */
struct cursor {
	sqlite3_stmt *statement;
	int column;
	int code;
};

static void bind_u64(struct cursor *cursor, uint64_t value)
{
	if (cursor->code == SQLITE_OK)
		cursor->code = sqlite3_bind_int64(cursor->statement, ++cursor->column,
						  (sqlite3_int64)value);
}

static void bind_flow(struct cursor *cursor, const struct v2m_flow *flow)
{
	bind_u64(cursor, flow->packets);
	bind_u64(cursor, flow->wire_bytes);
	bind_u64(cursor, flow->payload_bytes);
}

static uint64_t read_u64(struct cursor *cursor)
{
	return (uint64_t)sqlite3_column_int64(cursor->statement, cursor->column++);
}

static struct v2m_flow read_flow(struct cursor *cursor)
{
	struct v2m_flow flow;

	flow.packets = read_u64(cursor);
	flow.wire_bytes = read_u64(cursor);
	flow.payload_bytes = read_u64(cursor);
	return flow;
}

/* Runs a statement that returns no rows. 0 or -errno. */
static int run(struct cursor *cursor)
{
	int code = cursor->code;

	if (code == SQLITE_OK)
		code = sqlite3_step(cursor->statement);
	sqlite3_reset(cursor->statement);
	return v2m_sqlite_errno(code);
}

static int run_simple(struct v2m_ledger *ledger, enum statement which)
{
	struct cursor cursor = { .statement = ledger->statements[which] };

	return run(&cursor);
}

static int store_subject(const struct v2m_subject *subject, void *context)
{
	struct v2m_ledger *ledger = context;
	struct cursor cursor = { .statement = ledger->statements[PUT_SUBJECT] };

	if (!subject->dirty)
		return 0;
	cursor.code = sqlite3_bind_text(cursor.statement, ++cursor.column, subject->id, -1,
					SQLITE_TRANSIENT);
	bind_u64(&cursor, (uint64_t)subject->first_seen_us);
	bind_u64(&cursor, (uint64_t)subject->last_activity_us);
	bind_u64(&cursor, (uint64_t)subject->reset_us);
	bind_flow(&cursor, &subject->lifetime.rx);
	bind_flow(&cursor, &subject->lifetime.tx);
	bind_flow(&cursor, &subject->baseline.rx);
	bind_flow(&cursor, &subject->baseline.tx);
	return run(&cursor);
}

static int store_raw(const struct v2m_raw_port *raw, void *context)
{
	struct v2m_ledger *ledger = context;
	struct cursor cursor = { .statement = ledger->statements[PUT_RAW] };

	if (!raw->dirty)
		return 0;
	bind_u64(&cursor, raw->raw.port);
	if (cursor.code == SQLITE_OK)
		cursor.code = sqlite3_bind_blob(cursor.statement, ++cursor.column, raw->epoch,
						V2M_EPOCH_LEN, SQLITE_TRANSIENT);
	bind_u64(&cursor, raw->raw.assigned_ns);
	bind_flow(&cursor, &raw->raw.tcp_rx);
	bind_flow(&cursor, &raw->raw.tcp_tx);
	bind_flow(&cursor, &raw->raw.udp_rx);
	bind_flow(&cursor, &raw->raw.udp_tx);
	return run(&cursor);
}

int v2m_ledger_store(struct v2m_ledger *ledger, struct v2m_account *account,
		     struct v2m_error *error)
{
	int result;

	if (!v2m_account_is_dirty(account))
		return 0;
	result = run_simple(ledger, BEGIN);
	if (result)
		return v2m_sqlite_error(ledger->db, ledger->path, error);
	result = v2m_account_each_subject(account, store_subject, ledger);
	if (result == 0)
		result = v2m_account_each_raw(account, store_raw, ledger);
	if (result == 0)
		result = run_simple(ledger, COMMIT);
	if (result) {
		v2m_sqlite_error(ledger->db, ledger->path, error);
		/* SQLite may have rolled back by itself: then there is none to end. */
		if (!sqlite3_get_autocommit(ledger->db))
			run_simple(ledger, ROLLBACK);
		return result;
	}
	v2m_account_mark_stored(account);
	return 0;
}

static int load_subject(struct v2m_account *account, sqlite3_stmt *statement)
{
	struct cursor cursor = { .statement = statement, .column = 1 };
	struct v2m_subject subject = { .id = (char *)sqlite3_column_text(statement, 0) };

	if (!subject.id)
		return -ENOMEM;
	subject.first_seen_us = (int64_t)read_u64(&cursor);
	subject.last_activity_us = (int64_t)read_u64(&cursor);
	subject.reset_us = (int64_t)read_u64(&cursor);
	subject.lifetime.rx = read_flow(&cursor);
	subject.lifetime.tx = read_flow(&cursor);
	subject.baseline.rx = read_flow(&cursor);
	subject.baseline.tx = read_flow(&cursor);
	return v2m_account_restore_subject(account, &subject);
}

static int load_raw(struct v2m_account *account, sqlite3_stmt *statement)
{
	struct cursor cursor = { .statement = statement, .column = 2 };
	struct v2m_raw_port raw = { .raw.port = (uint16_t)sqlite3_column_int(statement, 0) };

	if (sqlite3_column_bytes(statement, 1) == V2M_EPOCH_LEN)
		memcpy(raw.epoch, sqlite3_column_blob(statement, 1), V2M_EPOCH_LEN);
	raw.raw.assigned_ns = read_u64(&cursor);
	raw.raw.tcp_rx = read_flow(&cursor);
	raw.raw.tcp_tx = read_flow(&cursor);
	raw.raw.udp_rx = read_flow(&cursor);
	raw.raw.udp_tx = read_flow(&cursor);
	return v2m_account_restore_raw(account, &raw);
}

static int load_all(struct v2m_ledger *ledger, enum statement which, struct v2m_account *account,
		    int (*load)(struct v2m_account *account, sqlite3_stmt *statement),
		    struct v2m_error *error)
{
	sqlite3_stmt *statement = ledger->statements[which];
	int result = 0;
	int code;

	while ((code = sqlite3_step(statement)) == SQLITE_ROW && result == 0)
		result = load(account, statement);
	if (result)
		v2m_error_set(error, result, "%s: a row cannot be loaded: %s", ledger->path,
			      strerror(-result));
	else if (code != SQLITE_DONE)
		result = v2m_sqlite_error(ledger->db, ledger->path, error);
	sqlite3_reset(statement);
	return result;
}

int v2m_ledger_load(struct v2m_ledger *ledger, struct v2m_account *account, struct v2m_error *error)
{
	int result = load_all(ledger, GET_SUBJECTS, account, load_subject, error);

	return result ? result : load_all(ledger, GET_RAW, account, load_raw, error);
}
