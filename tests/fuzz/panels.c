// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the input as a configuration of sing-box and of Hysteria, and as each cell of the panels'
 * databases that holds JSON.
 */
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "keys/formats/database.h"
#include "keys/formats/hysteria_config.h"
#include "keys/formats/marzban_db.h"
#include "keys/formats/singbox_config.h"
#include "keys/formats/sui_db.h"
#include "keys/formats/xui_db.h"
#include "json/yaml_doc.h"
#include "fuzz.h"

typedef int (*document_reader)(const struct v2m_json_doc *docs, size_t n_docs,
			       struct v2m_key_list *keys, struct v2m_key_notes *notes,
			       struct v2m_error *error);
typedef int (*database_reader)(struct v2m_database *database, struct v2m_key_list *keys,
			       struct v2m_key_notes *notes);

/* A schema, and what puts the input into its cells. */
static const struct panel {
	database_reader read;
	const char *schema;
	const char *insert;
} panels[] = {
	{ v2m_xui_db_read,
	  "CREATE TABLE inbounds (id, enable, listen, port, protocol, settings, stream_settings, "
	  "tag);"
	  "CREATE TABLE settings (key, value);",
	  "INSERT INTO inbounds VALUES (1, 1, '', 443, 'vless', ?1, ?1, 'a');"
	  "INSERT INTO settings VALUES ('xrayTemplateConfig', ?1);" },
	{ v2m_sui_db_read,
	  "CREATE TABLE inbounds (id, type, tag, options);"
	  "CREATE TABLE endpoints (id, type, options);"
	  "CREATE TABLE clients (id, name, enable, config, inbounds);"
	  "INSERT INTO clients VALUES (1, 'a', 1, '{\"vless\": {\"uuid\": \"b\"}}', '[1]');",
	  "INSERT INTO inbounds VALUES (1, 'vless', 'v', ?1);"
	  "INSERT INTO endpoints VALUES (1, 'wireguard', ?1);"
	  "INSERT INTO clients VALUES (2, 'c', 0, ?1, ?1);" },
	{ v2m_pasarguard_db_read,
	  "CREATE TABLE core_configs (id, config); CREATE TABLE groups (id, is_disabled);"
	  "CREATE TABLE users (id, username, status, proxy_settings);"
	  "CREATE TABLE inbounds (id, tag); CREATE TABLE users_groups_association (user_id, "
	  "groups_id); CREATE TABLE inbounds_groups_association (inbound_id, group_id);"
	  "INSERT INTO groups VALUES (1, 0); INSERT INTO inbounds VALUES (1, 'users');"
	  "INSERT INTO users_groups_association VALUES (1, 1);"
	  "INSERT INTO inbounds_groups_association VALUES (1, 1);",
	  "INSERT INTO core_configs VALUES (1, ?1);"
	  "INSERT INTO users VALUES (1, 'a', 'active', ?1);" },
};

#define N_PANELS V2M_ARRAY_LEN(panels)

/* Databases in memory, made once. */
static sqlite3 *databases[N_PANELS];

static void check_keys(const struct v2m_key_list *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct v2m_key *key = &keys->items[i];

		FUZZ_CHECK(*key->id && *key->uuid && *key->name);
		for (size_t k = 0; k < key->n_spans; k++)
			FUZZ_CHECK(key->spans[k].transports && key->spans[k].first_port &&
				   key->spans[k].first_port <= key->spans[k].last_port);
	}
}

static void check_result(int result, const struct v2m_error *error, const struct v2m_key_list *keys)
{
	FUZZ_CHECK(result == 0 || strncmp(error->text, "f:", 2) == 0);
	if (!result)
		check_keys(keys);
}

static void read_document(document_reader read, const struct v2m_json_doc *doc)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	V2M_CLEANUP(v2m_key_notes_clear) struct v2m_key_notes notes = { 0 };
	struct v2m_error error = { 0 };
	const struct v2m_json_doc docs[] = { *doc, *doc };
	int result = read(docs, V2M_ARRAY_LEN(docs), &keys, &notes, &error);

	check_result(result, &error, &keys);
}

static void read_documents(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc json = { 0 };
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc yaml = { 0 };
	const char *text = (const char *)data;

	if (v2m_json_doc_parse("f", text, size, V2M_JSON_V2RAY, &json, NULL) == 0) {
		if (v2m_singbox_is_config(json.root))
			read_document(v2m_singbox_read, &json);
		if (v2m_hysteria_is_config(json.root))
			read_document(v2m_hysteria_read, &json);
	}
	if (v2m_yaml_doc_parse("f", text, size, &yaml, NULL) == 0 &&
	    v2m_hysteria_is_config(yaml.root))
		read_document(v2m_hysteria_read, &yaml);
}

/* Every statement gets the input as its parameter. */
static void insert_input(sqlite3 *database, const char *sql, const uint8_t *data, size_t size)
{
	while (*sql) {
		sqlite3_stmt *statement = NULL;

		FUZZ_CHECK(sqlite3_prepare_v2(database, sql, -1, &statement, &sql) == SQLITE_OK);
		sqlite3_bind_text(statement, 1, (const char *)data, (int)size, SQLITE_STATIC);
		FUZZ_CHECK(sqlite3_step(statement) == SQLITE_DONE);
		sqlite3_finalize(statement);
	}
}

static void read_database(size_t i, const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	V2M_CLEANUP(v2m_key_notes_clear) struct v2m_key_notes notes = { 0 };
	struct v2m_error error = { 0 };
	struct v2m_database database = { .path = "f", .error = &error };

	if (!databases[i]) {
		FUZZ_CHECK(sqlite3_open(":memory:", &databases[i]) == SQLITE_OK);
		FUZZ_CHECK(sqlite3_exec(databases[i], panels[i].schema, NULL, NULL, NULL) ==
			   SQLITE_OK);
	}
	database.sqlite = databases[i];
	FUZZ_CHECK(sqlite3_exec(databases[i], "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
	insert_input(databases[i], panels[i].insert, data, size);
	check_result(panels[i].read(&database, &keys, &notes), &error, &keys);
	FUZZ_CHECK(sqlite3_exec(databases[i], "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	v2m_log_set_level(V2M_LOG_ERROR);
	read_documents(data, size);
	for (size_t i = 0; i < N_PANELS; i++)
		read_database(i, data, size);
	return 0;
}
