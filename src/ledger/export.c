// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>

#include "json/json_writer.h"
#include "ledger/document.h"
#include "ledger/private.h"
#include "ledger/transfer.h"
#include "base/cleanup.h"

typedef void (*format_date)(int32_t date, char *text);

struct export
{
	struct v2m_ledger *ledger;
	struct v2m_json_writer json;
	struct v2m_error why; /* of a reading that failed */
};

static void write_totals(struct v2m_json_writer *json, const struct v2m_totals *totals)
{
#define WRITE_RX(name, rx_member, tx_member, ...) v2m_write_u64(json, totals->rx_member);
#define WRITE_TX(name, rx_member, tx_member, ...) v2m_write_u64(json, totals->tx_member);
	V2M_TOTALS_COUNTERS(WRITE_RX, )
	V2M_TOTALS_COUNTERS(WRITE_TX, )
}

static void put_totals(struct v2m_json_writer *json, const char *name,
		       const struct v2m_totals *totals)
{
	v2m_put_open(json, name, '[');
	write_totals(json, totals);
	v2m_write_close(json, ']');
}

static void put_figures(struct v2m_json_writer *json, const char *name,
			const struct v2m_history_figures *figures)
{
	v2m_put_open(json, name, '[');
	write_totals(json, &figures->totals);
	v2m_write_u64(json, figures->max_connections);
	v2m_write_u64(json, figures->sessions);
	v2m_write_close(json, ']');
}

static int put_dates(struct export *export, const char *name, enum v2m_statement which,
		     const char *subject, format_date format)
{
	struct v2m_cursor cursor = v2m_cursor_of(&export->ledger->statements, which);
	struct v2m_period row;
	char text[V2M_DATE_LEN];
	int result;

	v2m_bind_text(&cursor, subject);
	v2m_bind_int(&cursor, 0);
	v2m_bind_int(&cursor, INT32_MAX);
	v2m_put_open(&export->json, name, '{');
	while ((result = v2m_cursor_next(&cursor, &row, &export->why)) == 1) {
		format(row.date, text);
		put_figures(&export->json, text, &row.figures);
	}
	v2m_write_close(&export->json, '}');
	v2m_cursor_reset(&cursor);
	return result;
}

static void put_parts(struct v2m_json_writer *json, const struct v2m_key_parts *parts)
{
	if (!parts->count)
		return;
	v2m_put_open(json, "parts", '[');
	for (size_t i = 0; i < parts->count; i++) {
		v2m_write_open(json, '{');
		v2m_put_u64(json, "slot", parts->items[i].slot_number);
		put_totals(json, "lifetime", &parts->items[i].lifetime);
		put_totals(json, "baseline", &parts->items[i].baseline);
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
}

static int write_subject(const struct v2m_subject *subject, void *context)
{
	struct export *export = context;
	struct v2m_json_writer *json = &export->json;
	int result;

	v2m_write_open(json, '{');
	v2m_put_string(json, "subject", subject->id);
	v2m_put_string(json, "name", subject->name);
	v2m_put_u64(json, "port", subject->port);
	v2m_put_u64(json, "first_seen_us", (uint64_t)subject->first_seen_us);
	v2m_put_u64(json, "last_activity_us", (uint64_t)subject->last_activity_us);
	v2m_put_u64(json, "reset_us", (uint64_t)subject->reset_us);
	v2m_put_u64(json, "max_connections", subject->max_connections);
	v2m_put_u64(json, "sessions", subject->sessions);
	put_totals(json, "lifetime", &subject->lifetime);
	put_totals(json, "baseline", &subject->baseline);
	put_totals(json, "history_baseline", &subject->history_baseline);
	put_parts(json, &subject->parts);
	result = put_dates(export, "months", V2M_GET_MONTHS_OF, subject->id, v2m_month_format);
	if (result == 0)
		result = put_dates(export, "days", V2M_GET_DAYS, subject->id, v2m_date_format);
	v2m_write_close(json, '}');
	return result;
}

/* Writes an alias as a subject without figures. The ledger that imports it then knows the name, and
 * joins it into its key like an id of an earlier version. */
static int write_alias(const struct v2m_alias *alias, void *context)
{
	struct v2m_subject subject = {
		.id = alias->name,
		.port = alias->subject->port,
		.first_seen_us = alias->subject->first_seen_us,
	};

	return write_subject(&subject, context);
}

static void put_flow_layout(struct v2m_json_writer *json)
{
#define WRITE_NAME(name, ...) v2m_write_string(json, #name);
	v2m_put_open(json, "flow", '[');
	V2M_TOTALS_COUNTERS(WRITE_NAME, )
	v2m_write_close(json, ']');
}

static void make_random_id(char text[static V2M_DOCUMENT_ID_LEN + 1])
{
	unsigned char bytes[16];

	sqlite3_randomness(sizeof(bytes), bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void write_head(struct v2m_json_writer *json, const char *identity, int64_t real_us)
{
	char id[V2M_DOCUMENT_ID_LEN + 1];

	make_random_id(id);
	v2m_write_open(json, '{');
	v2m_put_string(json, "format", V2M_DOCUMENT_FORMAT);
	v2m_put_u64(json, "version", V2M_DOCUMENT_VERSION);
	v2m_put_string(json, "ledger", identity);
	v2m_put_string(json, "document", id);
	v2m_put_u64(json, "created_us", (uint64_t)real_us);
	put_flow_layout(json);
	v2m_put_open(json, "subjects", '[');
}

int v2m_ledger_export(struct v2m_ledger *ledger, struct v2m_account *account, int64_t real_us,
		      char **text, size_t *length, struct v2m_error *error)
{
	struct export export = { .ledger = ledger };
	char identity[V2M_IDENTITY_LEN + 1];
	V2M_FREE char *written = NULL;
	size_t size;
	int result = v2m_ledger_store(ledger, account, error);

	if (result == 0)
		result = v2m_ledger_identity(ledger, identity, error);
	if (result)
		return result;
	write_head(&export.json, identity, real_us);
	result = v2m_account_each_subject(account, write_subject, &export);
	if (result == 0)
		result = v2m_account_each_alias(account, write_alias, &export);
	v2m_write_close(&export.json, ']');
	v2m_write_close(&export.json, '}');
	if (v2m_write_take(&export.json, &written, &size))
		return v2m_error_set(error, -ENOMEM, "export: out of memory");
	if (result)
		return v2m_ledger_read_failed(ledger, result, &export.why, error);
	*text = V2M_TAKE(written);
	*length = size;
	return 0;
}
