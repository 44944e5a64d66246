// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger/private.h"

static int load_subject(struct v2m_account *account, struct v2m_cursor *row)
{
	struct v2m_subject subject = { .id = (char *)v2m_read_text(row) };

	if (!subject.id)
		return -ENOMEM;
	subject.name = (char *)v2m_read_text(row);
	subject.port = (uint16_t)v2m_read_u64(row);
	subject.first_seen_us = (int64_t)v2m_read_u64(row);
	subject.last_activity_us = (int64_t)v2m_read_u64(row);
	subject.reset_us = (int64_t)v2m_read_u64(row);
	subject.max_connections = (uint32_t)v2m_read_u64(row);
	subject.sessions = v2m_read_u64(row);
	subject.lifetime = v2m_read_totals(row);
	subject.baseline = v2m_read_totals(row);
	subject.history_baseline = v2m_read_totals(row);
	return v2m_account_restore_subject(account, &subject);
}

static int load_raw(struct v2m_account *account, struct v2m_cursor *row)
{
	struct v2m_raw_port raw = { .raw.port = (uint16_t)v2m_read_u64(row) };

	if (sqlite3_column_bytes(row->statement, row->column) == V2M_EPOCH_LEN)
		memcpy(raw.epoch, sqlite3_column_blob(row->statement, row->column), V2M_EPOCH_LEN);
	row->column++;
	raw.read_us = (int64_t)v2m_read_u64(row);
	raw.raw.assigned_ns = v2m_read_u64(row);
	raw.raw.tcp_rx = v2m_read_flow(row);
	raw.raw.tcp_tx = v2m_read_flow(row);
	raw.raw.udp_rx = v2m_read_flow(row);
	raw.raw.udp_tx = v2m_read_flow(row);
	return v2m_account_restore_raw(account, &raw);
}

static int load_all(struct v2m_ledger *ledger, enum v2m_statement which,
		    struct v2m_account *account,
		    int (*load)(struct v2m_account *account, struct v2m_cursor *row),
		    struct v2m_error *error)
{
	struct v2m_cursor row = v2m_cursor_of(&ledger->statements, which);
	int result = 0;
	int more;

	while ((more = v2m_cursor_next(&row)) == 1 && result == 0)
		result = load(account, &row);
	if (result)
		v2m_error_set(error, result, "ledger: a row of %s cannot be loaded: %s",
			      ledger->path, strerror(-result));
	else if (more < 0)
		result = v2m_ledger_read_failed(ledger, more, error);
	v2m_cursor_reset(&row);
	return result;
}

int v2m_ledger_load(struct v2m_ledger *ledger, struct v2m_account *account, struct v2m_error *error)
{
	int result = v2m_ledger_readable(ledger, error);
	struct v2m_cursor old;

	if (result)
		return result;
	/* On a disk that cannot be written they are loaded, and do no harm. */
	old = v2m_cursor_of(&ledger->statements, V2M_DELETE_OLD_RAW);
	(void)v2m_cursor_run(&old);
	result = load_all(ledger, V2M_GET_SUBJECTS, account, load_subject, error);
	return result ? result : load_all(ledger, V2M_GET_RAW, account, load_raw, error);
}

int v2m_ledger_readable(const struct v2m_ledger *ledger, struct v2m_error *error)
{
	if (ledger->db)
		return 0;
	return v2m_error_set(error, -ENODEV, "ledger: %s cannot be read: no file is open",
			     ledger->path);
}

int v2m_ledger_read_failed(struct v2m_ledger *ledger, int code, struct v2m_error *error)
{
	if (code == -EUCLEAN)
		ledger->damaged = true;
	return v2m_error_set(error, code, "ledger: %s cannot be read: %s", ledger->path,
			     sqlite3_errmsg(ledger->db));
}

int v2m_ledger_identity(struct v2m_ledger *ledger, char identity[static V2M_IDENTITY_LEN + 1],
			struct v2m_error *error)
{
	struct v2m_cursor row;
	const char *name;
	int result = v2m_ledger_readable(ledger, error);

	if (result)
		return result;
	row = v2m_cursor_of(&ledger->statements, V2M_GET_IDENTITY);
	result = v2m_cursor_next(&row);
	name = result == 1 ? v2m_read_text(&row) : NULL;
	if (name)
		snprintf(identity, V2M_IDENTITY_LEN + 1, "%s", name);
	else
		result = v2m_ledger_read_failed(ledger, result < 0 ? result : -EUCLEAN, error);
	v2m_cursor_reset(&row);
	return result < 0 ? result : 0;
}
