// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/panel_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json/json_doc.h"
#include "keys/formats/key_file.h"
#include "keys/key_clash.h"
#include "base/name_index.h"
#include "base/text.h"
#include "base/transport.h"
#include "base/cleanup.h"

/* The columns hold short texts. */
#define MAX_CELL (1 << 20)

enum column { ID, NAME, UUID, CREATED_AT, IS_ACTIVE, PORT, SHORT_ID, SNI, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {
	[ID] = "id",
	[NAME] = "name",
	[UUID] = "uuid",
	[CREATED_AT] = "created_at",
	[PORT] = "port",
	[IS_ACTIVE] = "is_active",
	[SHORT_ID] = "short_id",
	[SNI] = "sni",
};

struct panel {
	struct v2m_database *database;
	struct v2m_key_list *keys;
	struct v2m_name_index ports; /* from the table port_assignments, by uuid in lower case */
	struct v2m_error *error;
};

static const char *path_of(const struct panel *panel)
{
	return panel->database->path;
}

static int out_of_memory(struct panel *panel)
{
	return v2m_database_out_of_memory(panel->database);
}

/* The known columns that a table has, as bits. Without such a table it has none. */
static int probe_columns(struct panel *panel, const char *table, unsigned *columns)
{
	V2M_CLEANUP(v2m_database_finalize) sqlite3_stmt *statement = NULL;
	int step;

	*columns = 0;
	if (sqlite3_prepare_v2(panel->database->sqlite, "SELECT name FROM pragma_table_info(?)", -1,
			       &statement, NULL) != SQLITE_OK)
		return v2m_database_fail(panel->database);
	sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
	while ((step = sqlite3_step(statement)) == SQLITE_ROW)
		for (unsigned i = 0; i < N_COLUMNS; i++)
			if (strcasecmp((const char *)sqlite3_column_text(statement, 0),
				       column_names[i]) == 0)
				*columns |= 1u << i;
	return step == SQLITE_DONE ? 0 : v2m_database_fail(panel->database);
}

/* Selects all known columns, with NULL for those that the table lacks. */
static int prepare_select(struct panel *panel, const char *table, unsigned columns,
			  sqlite3_stmt **statement)
{
	char sql[256] = "SELECT ";

	for (unsigned i = 0; i < N_COLUMNS; i++) {
		size_t used = strlen(sql);

		snprintf(sql + used, sizeof(sql) - used, "%s%s", i ? ", " : "",
			 columns & 1u << i ? column_names[i] : "NULL");
	}
	snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql), " FROM %s", table);
	if (sqlite3_prepare_v2(panel->database->sqlite, sql, -1, statement, NULL) != SQLITE_OK)
		return v2m_database_fail(panel->database);
	return 0;
}

/* Copies a cell; *value stays NULL if the cell is null or empty. An error names the number of the
 * row, because a uuid must not be in a log. */
static int read_text(struct panel *panel, sqlite3_stmt *statement, enum column column, size_t row,
		     char **value)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	if (!text || !*text)
		return 0;
	if (strlen(text) > V2M_JSON_MAX_STRING)
		return v2m_error_set(panel->error, -EINVAL,
				     "%s: row %zu: %s: expected at most %d bytes, got %zu",
				     path_of(panel), row, column_names[column], V2M_JSON_MAX_STRING,
				     strlen(text));
	/* SQLite does not check the encoding, and an answer in JSON has to be UTF-8. */
	if (!v2m_is_utf8(text))
		return v2m_error_set(panel->error, -EINVAL, "%s: row %zu: %s: expected UTF-8",
				     path_of(panel), row, column_names[column]);
	*value = strdup(text);
	return *value ? 0 : out_of_memory(panel);
}

/* Reads a port; 0 if the cell is null. */
static int read_port(struct panel *panel, sqlite3_stmt *statement, const char *table, size_t row,
		     uint16_t *port)
{
	sqlite3_int64 number = sqlite3_column_int64(statement, PORT);

	*port = 0;
	if (sqlite3_column_type(statement, PORT) == SQLITE_NULL)
		return 0;
	if (number < 1 || number > 65535)
		return v2m_error_set(panel->error, -EINVAL,
				     "%s: table %s, row %zu: port: expected an integer from 1 to "
				     "65535, got %lld",
				     path_of(panel), table, row, (long long)number);
	*port = (uint16_t)number;
	return 0;
}

static int refuse_rows(struct panel *panel, const char *table, size_t row)
{
	if (row <= V2M_MAX_KEYS)
		return 0;
	return v2m_error_set(panel->error, -EINVAL, "%s: table %s: expected at most %u rows",
			     path_of(panel), table, V2M_MAX_KEYS);
}

static int read_assignments(struct panel *panel)
{
	V2M_CLEANUP(v2m_database_finalize) sqlite3_stmt *statement = NULL;
	unsigned columns;
	int result = probe_columns(panel, "port_assignments", &columns);
	size_t row = 0;
	int step;

	if (result || !(columns & 1u << UUID) || !(columns & 1u << PORT))
		return result;
	result = prepare_select(panel, "port_assignments", columns, &statement);
	if (result)
		return result;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *uuid = (const char *)sqlite3_column_text(statement, UUID);
		char lower[V2M_SUBJECT_LEN];
		uint16_t port;

		result = refuse_rows(panel, "port_assignments", ++row);
		if (!result)
			result = read_port(panel, statement, "port_assignments", row, &port);
		if (result)
			return result;
		if (!uuid || !port)
			continue;
		v2m_lower_case(uuid, lower, sizeof(lower));
		if (v2m_name_index_set(&panel->ports, lower, port))
			return out_of_memory(panel);
	}
	return step == SQLITE_DONE ? 0 : v2m_database_fail(panel->database);
}

/* Some panels write 0 and 1, others "true" and "false". */
static bool is_false(sqlite3_stmt *statement)
{
	const char *text = (const char *)sqlite3_column_text(statement, IS_ACTIVE);

	return text && (strcmp(text, "0") == 0 || strcasecmp(text, "false") == 0);
}

static int read_row(struct panel *panel, sqlite3_stmt *statement, size_t row, struct v2m_key *key)
{
	struct {
		enum column column;
		char **value;
	} wanted[] = {
		{ UUID, &key->uuid },         { ID, &key->id },
		{ NAME, &key->name },         { CREATED_AT, &key->created_at },
		{ SHORT_ID, &key->short_id }, { SNI, &key->sni },
	};
	char lower[V2M_SUBJECT_LEN];
	size_t assigned;
	uint16_t port = 0;
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(wanted) && !result; i++)
		result = read_text(panel, statement, wanted[i].column, row, wanted[i].value);
	if (!result && !key->uuid)
		result = v2m_error_set(panel->error, -EINVAL,
				       "%s: table keys, row %zu: uuid: expected a string, got "
				       "nothing",
				       path_of(panel), row);
	if (!result)
		result = read_port(panel, statement, "keys", row, &port);
	if (result)
		return result;
	v2m_lower_case(key->uuid, lower, sizeof(lower));
	if (!port && v2m_name_index_find(&panel->ports, lower, &assigned))
		port = (uint16_t)assigned;
	key->is_active = !is_false(statement);
	key->transports = V2M_TCP | V2M_UDP;
	if (v2m_key_complete(key, path_of(panel)) || (port && v2m_key_add_port(key, port)))
		return out_of_memory(panel);
	return 0;
}

static int read_keys(struct panel *panel, struct v2m_key_list *keys)
{
	V2M_CLEANUP(v2m_database_finalize) sqlite3_stmt *statement = NULL;
	unsigned columns;
	int result = probe_columns(panel, "keys", &columns);
	size_t row = 0;
	int step;

	if (!result && !(columns & 1u << UUID))
		return v2m_error_set(panel->error, -EINVAL,
				     "%s: expected a table \"keys\" with a column \"uuid\"",
				     path_of(panel));
	if (!result)
		result = prepare_select(panel, "keys", columns, &statement);
	if (result)
		return result;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		V2M_CLEANUP(v2m_key_clear) struct v2m_key key = { 0 };

		result = refuse_rows(panel, "keys", ++row);
		if (!result)
			result = read_row(panel, statement, row, &key);
		if (result)
			return result;
		if (v2m_key_list_add(keys, &key))
			return out_of_memory(panel);
	}
	return step == SQLITE_DONE ? 0 : v2m_database_fail(panel->database);
}

/* Two keys of a database must not use the same port by the same transport. */
static int refuse_port_clash(struct panel *panel, const struct v2m_key_list *keys)
{
	size_t first;
	size_t second;
	uint16_t port;
	int result = v2m_key_list_port_clash(keys, &first, &second, &port);

	if (result < 0)
		return out_of_memory(panel);
	if (result)
		return v2m_error_set(panel->error, -EINVAL,
				     "%s: table keys, rows %zu and %zu have the same port",
				     path_of(panel), first + 1, second + 1);
	return 0;
}

static int refuse_crossed(struct panel *panel, const struct v2m_key_list *keys)
{
	size_t first;
	size_t second;
	int result = v2m_key_clash_find_crossed(keys, &first, &second);

	if (result < 0)
		return out_of_memory(panel);
	if (result)
		return v2m_error_set(panel->error, -EINVAL,
				     "%s: table keys, rows %zu and %zu: the id of one is the uuid "
				     "of the other",
				     path_of(panel), first + 1, second + 1);
	return refuse_port_clash(panel, keys);
}

static int refuse_clashes(struct panel *panel, const struct v2m_key_list *keys)
{
	static const struct {
		v2m_key_order order;
		const char *what;
	} orders[] = {
		{ v2m_key_order_by_uuid, "uuid" },
		{ v2m_key_order_by_id, "id" },
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(orders); i++) {
		size_t first;
		size_t second;
		int result = v2m_key_list_clash(keys, orders[i].order, &first, &second);

		if (result < 0)
			return out_of_memory(panel);
		if (result)
			return v2m_error_set(panel->error, -EINVAL,
					     "%s: table keys, rows %zu and %zu have the same %s",
					     path_of(panel), first + 1, second + 1, orders[i].what);
	}
	return refuse_crossed(panel, keys);
}

/* Reads both tables. */
static int read_tables(struct v2m_database *database, struct panel *panel)
{
	int result;

	panel->database = database;
	panel->error = database->error;
	sqlite3_limit(database->sqlite, SQLITE_LIMIT_LENGTH, MAX_CELL);
	result = read_assignments(panel);
	if (!result)
		result = read_keys(panel, panel->keys);
	return result ? result : refuse_clashes(panel, panel->keys);
}

int v2m_panel_db_read(struct v2m_database *database, struct v2m_key_list *keys,
		      struct v2m_key_notes *notes)
{
	struct panel panel = { .keys = keys };
	int result = read_tables(database, &panel);

	(void)notes;
	v2m_name_index_clear(&panel.ports);
	return result;
}
