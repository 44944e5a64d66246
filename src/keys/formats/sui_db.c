// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/sui_db.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "keys/formats/panel_config.h"
#include "keys/formats/singbox_config.h"
#include "keys/formats/v2ray_users.h"

/* The state while a database is read. */
struct sui {
	struct v2m_database *database;
	struct v2m_key_notes *notes;
	json_t *inbounds; /* as sing-box gets them */
	json_t *by_id;    /* the same as an object */
};

static void clear(struct sui *sui)
{
	json_decref(sui->inbounds);
	json_decref(sui->by_id);
}

static int out_of_memory(struct sui *sui)
{
	return v2m_database_out_of_memory(sui->database);
}

static int take_inbound(void *context, sqlite3_stmt *statement)
{
	struct sui *sui = context;
	char what[64];
	json_t *inbound;

	snprintf(what, sizeof(what), "inbound %s, options", v2m_panel_text(statement, 0));
	inbound = v2m_panel_cell(sui->database, statement, 3, what, sui->notes);
	if (!json_is_object(inbound)) {
		json_decref(inbound);
		return 0;
	}
	json_object_del(inbound, "users");
	if (json_object_set_new(inbound, "type", json_string(v2m_panel_text(statement, 1))) ||
	    json_object_set_new(inbound, "tag", json_string(v2m_panel_text(statement, 2))) ||
	    json_object_set(sui->by_id, v2m_panel_text(statement, 0), inbound) ||
	    json_array_append(sui->inbounds, inbound)) {
		json_decref(inbound);
		return out_of_memory(sui);
	}
	json_decref(inbound);
	return 0;
}

/* Shadowsocks 2022 with short keys has users of its own; the name is the same. */
static const char *uuid_for(const json_t *config, const json_t *inbound)
{
	const char *type = json_string_value(json_object_get(inbound, "type"));
	const json_t *own = type ? json_object_get(config, type) : NULL;

	return json_string_value(json_object_get(own, "uuid"));
}

/* A client of the table. */
struct client {
	const char *name;
	const json_t *config;
	bool is_active;
	int64_t limit_bytes;
	int64_t expires_s;
};

static int add_user(struct sui *sui, json_t *inbound, const struct client *client)
{
	const char *uuid = uuid_for(client->config, inbound);
	json_t *user = json_pack("{ss ss*}", "name", client->name, "uuid", uuid);

	if (!user)
		return out_of_memory(sui);
	if (!client->is_active)
		json_object_set_new(user, V2M_PANEL_INACTIVE, json_true());
	if (v2m_panel_set_terms(user, client->limit_bytes, client->expires_s)) {
		json_decref(user);
		return out_of_memory(sui);
	}
	if (!json_object_get(inbound, "users") &&
	    json_object_set_new(inbound, "users", json_array())) {
		json_decref(user);
		return out_of_memory(sui);
	}
	return json_array_append_new(json_object_get(inbound, "users"), user) ? out_of_memory(sui)
									      : 0;
}

static int take_client(void *context, sqlite3_stmt *statement)
{
	struct sui *sui = context;
	struct client client = { .name = v2m_panel_text(statement, 1),
				 .is_active = v2m_panel_is_true(statement, 2),
				 .limit_bytes = sqlite3_column_int64(statement, 5),
				 .expires_s = sqlite3_column_int64(statement, 6) };
	char what[64];
	json_t *config;
	json_t *numbers;
	json_t *number;
	size_t i;
	int result = 0;

	snprintf(what, sizeof(what), "client %s", v2m_panel_text(statement, 0));
	config = v2m_panel_cell(sui->database, statement, 3, what, sui->notes);
	client.config = config;
	numbers = v2m_panel_cell(sui->database, statement, 4, what, sui->notes);
	json_array_foreach (numbers, i, number) {
		char id[32];
		json_t *inbound;

		snprintf(id, sizeof(id), "%" JSON_INTEGER_FORMAT, json_integer_value(number));
		inbound = json_object_get(sui->by_id, id);
		if (inbound && !result)
			result = add_user(sui, inbound, &client);
	}
	json_decref(config);
	json_decref(numbers);
	return result;
}

/* A server of WireGuard. Other endpoints are clients of another server and name no port. */
static int take_endpoint(void *context, sqlite3_stmt *statement)
{
	struct sui *sui = context;
	char what[64];
	json_t *options;
	json_int_t port;

	snprintf(what, sizeof(what), "endpoint %s, options", v2m_panel_text(statement, 0));
	options = v2m_panel_cell(sui->database, statement, 1, what, sui->notes);
	port = json_integer_value(json_object_get(options, "listen_port"));
	json_decref(options);
	if (port > 0)
		v2m_key_note_file(sui->notes, V2M_NOTE_MISSING, sui->database->path,
				  "its users are not counted: endpoint %s: the peers of WireGuard "
				  "on port %" JSON_INTEGER_FORMAT " are not read",
				  v2m_panel_text(statement, 0), port);
	return 0;
}

/* Says which endpoints are left out. Early versions have none. */
static int note_endpoints(struct sui *sui)
{
	if (!v2m_database_has(sui->database, "endpoints", "options"))
		return 0;
	return v2m_database_each(sui->database,
				 "SELECT id, options FROM endpoints WHERE type = 'wireguard' "
				 "ORDER BY id",
				 take_endpoint, sui);
}

static int read_tables(struct sui *sui)
{
	bool has_terms = v2m_database_has(sui->database, "clients", "volume") &&
			 v2m_database_has(sui->database, "clients", "expiry");
	int result;

	if (!sui->inbounds || !sui->by_id)
		return out_of_memory(sui);
	result = v2m_database_each(sui->database,
				   "SELECT id, type, tag, options FROM inbounds ORDER BY id",
				   take_inbound, sui);
	if (!result)
		result = note_endpoints(sui);
	if (result)
		return result;
	return v2m_database_each(sui->database,
				 has_terms
					 ? "SELECT id, name, enable, config, inbounds, volume, "
					   "expiry FROM clients ORDER BY id"
					 : "SELECT id, name, enable, config, inbounds, NULL, NULL "
					   "FROM clients ORDER BY id",
				 take_client, sui);
}

int v2m_sui_db_read(struct v2m_database *database, struct v2m_key_list *keys,
		    struct v2m_key_notes *notes)
{
	V2M_CLEANUP(clear)
	struct sui sui = {
		.database = database,
		.notes = notes,
		.inbounds = json_array(),
		.by_id = json_object(),
	};
	int result = read_tables(&sui);
	json_t *root;
	json_t *list;

	if (result)
		return result;
	root = json_pack("{sO}", "inbounds", sui.inbounds);
	list = root ? v2m_singbox_inbounds(root) : NULL;
	json_decref(root);
	return v2m_panel_read_inbounds(database, list, keys, notes);
}
