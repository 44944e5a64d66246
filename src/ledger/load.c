// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger/private.h"

/* A row of any table that is loaded. */
union row {
	struct v2m_subject subject;
	struct v2m_part_row part;
	struct v2m_alias_row alias;
	struct v2m_raw_port raw;
	struct v2m_socket_overlap overlap;
	struct v2m_accounted_sessions sessions;
	struct v2m_aside aside;
};

static int restore_subject(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_subject(account, &row->subject);
}

static int restore_part(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_part(account, row->part.subject, &row->part.part);
}

static int restore_alias(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_alias(account, row->alias.name, row->alias.subject);
}

static int restore_raw(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_raw(account, &row->raw);
}

static int restore_overlap(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_overlap(account, &row->overlap);
}

static int restore_sessions(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_sessions(account, &row->sessions);
}

static int restore_aside(struct v2m_account *account, const union row *row)
{
	return v2m_account_restore_aside(account, &row->aside);
}

/* Parts and aliases come after the subjects that they belong to. */
static const struct table {
	enum v2m_statement which;
	int (*restore)(struct v2m_account *account, const union row *row);
} tables[] = {
	{ V2M_GET_SUBJECTS, restore_subject }, { V2M_GET_PARTS, restore_part },
	{ V2M_GET_ALIASES, restore_alias },    { V2M_GET_RAW, restore_raw },
	{ V2M_GET_OVERLAPS, restore_overlap }, { V2M_GET_SESSIONS, restore_sessions },
	{ V2M_GET_ASIDES, restore_aside },
};

static int load_table(struct v2m_ledger *ledger, const struct table *table,
		      struct v2m_account *account, struct v2m_error *error)
{
	struct v2m_cursor cursor = v2m_cursor_of(&ledger->statements, table->which);
	struct v2m_error why = { 0 };
	int result = 0;
	int more;

	do {
		union row row;

		memset(&row, 0, sizeof(row));
		more = v2m_cursor_next(&cursor, &row, &why);
		if (more == 1)
			result = table->restore(account, &row);
	} while (more == 1 && result == 0);
	if (result)
		v2m_error_set(error, result, "ledger: a row of %s cannot be loaded: %s",
			      ledger->path, strerror(-result));
	else if (more < 0)
		result = v2m_ledger_read_failed(ledger, more, &why, error);
	v2m_cursor_reset(&cursor);
	return result;
}

int v2m_ledger_load(struct v2m_ledger *ledger, struct v2m_account *account, struct v2m_error *error)
{
	int result = v2m_ledger_readable(ledger, error);
	struct v2m_cursor old;

	if (result)
		return result;
	/* If this fails, because the disk takes no writes, the old readings are loaded and do no
	 * harm. */
	old = v2m_cursor_of(&ledger->statements, V2M_DELETE_OLD_RAW);
	(void)v2m_cursor_run(&old);
	for (size_t i = 0; i < V2M_ARRAY_LEN(tables) && result == 0; i++)
		result = load_table(ledger, &tables[i], account, error);
	return result;
}

int v2m_ledger_identity(struct v2m_ledger *ledger, char identity[static V2M_IDENTITY_LEN + 1],
			struct v2m_error *error)
{
	struct v2m_ledger_mark mark = { 0 };
	int result = v2m_ledger_read_mark(ledger, &mark, error);

	if (result == 0)
		snprintf(identity, V2M_IDENTITY_LEN + 1, "%s", mark.name);
	return result;
}
