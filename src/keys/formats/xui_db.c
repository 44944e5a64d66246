// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/xui_db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "keys/formats/panel_config.h"
#include "keys/formats/v2ray_users.h"

/* The state while a database is read. */
struct xui {
	struct v2m_database *database;
	struct v2m_key_notes *notes;
	json_t *disabled;  /* an object with the emails that client_traffics switches off */
	json_t *terms;     /* [bytes, milliseconds] by email, from client_traffics */
	json_t *linked;    /* lists of users by the number of their inbound; NULL: no such tables */
	json_t *fallbacks; /* lists of fallbacks by the number of the inbound that has them */
	json_t *inbounds;
};

static void clear(struct xui *xui)
{
	json_decref(xui->disabled);
	json_decref(xui->terms);
	json_decref(xui->linked);
	json_decref(xui->fallbacks);
	json_decref(xui->inbounds);
}

static int out_of_memory(struct xui *xui)
{
	return v2m_database_out_of_memory(xui->database);
}

/* Appends to the list of a number, which is made if it is the first. Takes over the value. */
static int append_to(json_t *lists, const char *number, json_t *value)
{
	json_t *list = json_object_get(lists, number);

	if (!list && json_object_set_new(lists, number, json_array())) {
		json_decref(value);
		return -ENOMEM;
	}
	return json_array_append_new(json_object_get(lists, number), value) ? -ENOMEM : 0;
}

static int take_traffic(void *context, sqlite3_stmt *statement)
{
	struct xui *xui = context;
	const char *email = v2m_panel_text(statement, 0);
	json_t *terms;

	if (!v2m_panel_is_true(statement, 1) &&
	    json_object_set_new(xui->disabled, email, json_true()))
		return out_of_memory(xui);
	if (sqlite3_column_type(statement, 2) != SQLITE_INTEGER)
		return 0;
	terms = json_pack("[I, I]", (json_int_t)sqlite3_column_int64(statement, 2),
			  (json_int_t)sqlite3_column_int64(statement, 3));
	return json_object_set_new(xui->terms, email, terms) ? out_of_memory(xui) : 0;
}

static int read_traffics(struct xui *xui)
{
	bool has_terms = v2m_database_has(xui->database, "client_traffics", "total") &&
			 v2m_database_has(xui->database, "client_traffics", "expiry_time");

	if (!v2m_database_has(xui->database, "client_traffics", "enable"))
		return 0;
	return v2m_database_each(
		xui->database,
		has_terms ? "SELECT email, enable, total, expiry_time FROM client_traffics"
			  : "SELECT email, enable, NULL, NULL FROM client_traffics",
		take_traffic, xui);
}

/* The panel stops a user by client_traffics, where it has him; "totalGB" is in bytes. An expiry
 * below 0 begins with the first use. 0 or -ENOMEM. */
static int set_terms(const struct xui *xui, json_t *user)
{
	const char *email = json_string_value(json_object_get(user, "email"));
	const json_t *terms = email ? json_object_get(xui->terms, email) : NULL;
	const json_t *limit = terms ? json_array_get(terms, 0) : json_object_get(user, "totalGB");
	const json_t *expiry =
		terms ? json_array_get(terms, 1) : json_object_get(user, "expiryTime");

	if (!json_is_object(user))
		return 0;
	return v2m_panel_set_terms(user, json_integer_value(limit),
				   json_integer_value(expiry) / 1000);
}

static int take_linked(void *context, sqlite3_stmt *statement)
{
	struct xui *xui = context;
	const char *email = v2m_panel_text(statement, 1);
	bool is_active = v2m_panel_is_true(statement, 3) && !json_object_get(xui->disabled, email);
	json_t *user = v2m_panel_user(email, "id", v2m_panel_text(statement, 2), is_active);
	const char *key = v2m_panel_text(statement, 4);

	if (user && *key)
		json_object_set_new(user, "publicKey", json_string(key));
	if (user && (json_object_set_new(user, "totalGB",
					 json_integer(sqlite3_column_int64(statement, 5))) ||
		     json_object_set_new(user, "expiryTime",
					 json_integer(sqlite3_column_int64(statement, 6))))) {
		json_decref(user);
		return out_of_memory(xui);
	}
	return append_to(xui->linked, v2m_panel_text(statement, 0), user) ? out_of_memory(xui) : 0;
}

/* The tables of 3x-ui 3. Their passwords are not read. */
static int read_linked(struct xui *xui)
{
	bool has_keys = v2m_database_has(xui->database, "clients", "wg_public_key");
	bool has_terms = v2m_database_has(xui->database, "clients", "total_gb") &&
			 v2m_database_has(xui->database, "clients", "expiry_time");
	char sql[256];

	if (!v2m_database_has(xui->database, "client_inbounds", "client_id") ||
	    !v2m_database_has(xui->database, "clients", "uuid"))
		return 0;
	snprintf(sql, sizeof(sql),
		 "SELECT l.inbound_id, c.email, c.uuid, c.enable, %s, %s FROM client_inbounds l "
		 "JOIN clients c ON c.id = l.client_id ORDER BY c.id",
		 has_keys ? "c.wg_public_key" : "NULL",
		 has_terms ? "c.total_gb, c.expiry_time" : "NULL, NULL");
	return v2m_database_each(xui->database, sql, take_linked, xui);
}

/* The panel fills in the address of the other inbound if a fallback has none of its own. */
static int take_fallback(void *context, sqlite3_stmt *statement)
{
	struct xui *xui = context;
	const char *listen = v2m_panel_text(statement, 2);
	bool is_any = !*listen || strcmp(listen, "0.0.0.0") == 0 || strncmp(listen, "::", 2) == 0;
	char dest[128];

	snprintf(dest, sizeof(dest), "%s:%s", is_any ? "127.0.0.1" : listen,
		 v2m_panel_text(statement, 3));
	if (*v2m_panel_text(statement, 1))
		snprintf(dest, sizeof(dest), "%s", v2m_panel_text(statement, 1));
	return append_to(xui->fallbacks, v2m_panel_text(statement, 0),
			 json_pack("{ss}", "dest", dest))
		       ? out_of_memory(xui)
		       : 0;
}

static int read_fallbacks(struct xui *xui)
{
	static const char sql[] =
		"SELECT f.master_id, f.dest, i.listen, i.port FROM inbound_fallbacks f LEFT JOIN "
		"inbounds i ON i.id = f.child_id ORDER BY f.sort_order, f.id";

	if (!v2m_database_has(xui->database, "inbound_fallbacks", "sort_order"))
		return 0;
	return v2m_database_each(xui->database, sql, take_fallback, xui);
}

static void switch_off(json_t *user)
{
	if (json_is_object(user))
		json_object_set_new(user, V2M_PANEL_INACTIVE, json_true());
}

/* Users in the settings of an inbound say themselves whether they are switched on. 0 or -ENOMEM. */
static int mark_users(const struct xui *xui, json_t *users, bool is_enabled)
{
	json_t *user;
	size_t i;

	json_array_foreach (users, i, user) {
		const char *email = json_string_value(json_object_get(user, "email"));

		if (!is_enabled || json_is_false(json_object_get(user, "enable")) ||
		    (email && json_object_get(xui->disabled, email)))
			switch_off(user);
		if (set_terms(xui, user))
			return -ENOMEM;
	}
	return 0;
}

/* The tables have an id for each user, but only these protocols know it. */
static void drop_ids(json_t *users, const char *protocol)
{
	json_t *user;
	size_t i;

	if (strcasecmp(protocol, "vmess") == 0 || strcasecmp(protocol, "vless") == 0)
		return;
	json_array_foreach (users, i, user)
		if (json_is_object(user))
			json_object_del(user, "id");
}

/* Gives the settings the users that the panel gives to Xray. */
static int complete_settings(const struct xui *xui, const char *number, const char *protocol,
			     bool is_enabled, json_t *settings)
{
	json_t *fallbacks = json_object_get(xui->fallbacks, number);
	json_t *users = json_object_get(settings, "clients");

	if (json_object_size(xui->linked) &&
	    (json_is_array(users) || json_object_get(xui->linked, number))) {
		users = json_object_get(xui->linked, number);
		if (users ? json_object_set(settings, "clients", users)
			  : json_object_set_new(settings, "clients", json_array()))
			return -ENOMEM;
		users = json_object_get(settings, "clients");
	}
	drop_ids(users, protocol);
	if (mark_users(xui, users, is_enabled))
		return -ENOMEM;
	if (!is_enabled && (mark_users(xui, json_object_get(settings, "accounts"), false) ||
			    mark_users(xui, json_object_get(settings, "peers"), false)))
		return -ENOMEM;
	/* The panel's users of WireGuard are Xray's peers. */
	if (users && strcasecmp(protocol, "wireguard") == 0 &&
	    json_object_set(settings, "peers", users))
		return -ENOMEM;
	if (fallbacks && json_object_set(settings, "fallbacks", fallbacks))
		return -ENOMEM;
	return 0;
}

enum column { ID, ENABLE, LISTEN, PORT, PROTOCOL, SETTINGS, STREAM_SETTINGS, TAG, NODE_ID };

/* Takes over settings and stream. */
static json_t *make_inbound(sqlite3_stmt *statement, json_t *settings, json_t *stream)
{
	const char *listen = v2m_panel_text(statement, LISTEN);
	json_t *inbound = json_pack("{ss si ss so so*}", "tag", v2m_panel_text(statement, TAG),
				    "port", sqlite3_column_int(statement, PORT), "protocol",
				    v2m_panel_text(statement, PROTOCOL), "settings", settings,
				    "streamSettings", stream);

	if (inbound && *listen)
		json_object_set_new(inbound, "listen", json_string(listen));
	return inbound;
}

/* Inbounds of other servers have the number of their node. */
static int take_inbound(void *context, sqlite3_stmt *statement)
{
	struct xui *xui = context;
	char number[32];
	char what[96];
	json_t *settings;
	json_t *stream;

	if (sqlite3_column_type(statement, NODE_ID) != SQLITE_NULL)
		return 0;
	snprintf(number, sizeof(number), "%s", v2m_panel_text(statement, ID));
	snprintf(what, sizeof(what), "inbound %s, settings", number);
	settings = v2m_panel_cell(xui->database, statement, SETTINGS, what, xui->notes);
	if (!json_is_object(settings)) {
		json_decref(settings);
		return 0;
	}
	snprintf(what, sizeof(what), "inbound %s, stream_settings", number);
	stream = v2m_panel_cell(xui->database, statement, STREAM_SETTINGS, what, xui->notes);
	if (complete_settings(xui, number, v2m_panel_text(statement, PROTOCOL),
			      v2m_panel_is_true(statement, ENABLE), settings)) {
		json_decref(settings);
		json_decref(stream);
		return out_of_memory(xui);
	}
	return json_array_append_new(xui->inbounds, make_inbound(statement, settings, stream))
		       ? out_of_memory(xui)
		       : 0;
}

static int read_inbounds(struct xui *xui)
{
	bool has_nodes = v2m_database_has(xui->database, "inbounds", "node_id");
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "SELECT id, enable, listen, port, protocol, settings, stream_settings, tag, %s "
		 "FROM inbounds ORDER BY id",
		 has_nodes ? "node_id" : "NULL");
	return v2m_database_each(xui->database, sql, take_inbound, xui);
}

/* Inbounds that the operator has written into the template of the configuration. */
static int take_template(void *context, sqlite3_stmt *statement)
{
	struct xui *xui = context;
	json_t *root = v2m_panel_cell(xui->database, statement, 0, "settings, xrayTemplateConfig",
				      xui->notes);
	json_t *inbounds = json_object_get(root, "inbounds");
	int result = json_is_array(inbounds) && json_array_extend(xui->inbounds, inbounds)
			     ? out_of_memory(xui)
			     : 0;

	json_decref(root);
	return result;
}

static int read_template(struct xui *xui)
{
	if (!v2m_database_has(xui->database, "settings", "value"))
		return 0;
	return v2m_database_each(
		xui->database,
		"SELECT value FROM settings WHERE key = 'xrayTemplateConfig' LIMIT 1",
		take_template, xui);
}

static int read_tables(struct xui *xui)
{
	int result = 0;

	if (!xui->disabled || !xui->terms || !xui->linked || !xui->fallbacks || !xui->inbounds)
		return out_of_memory(xui);
	if (!result)
		result = read_traffics(xui);
	if (!result)
		result = read_linked(xui);
	if (!result)
		result = read_fallbacks(xui);
	if (!result)
		result = read_template(xui);
	return result ? result : read_inbounds(xui);
}

int v2m_xui_db_read(struct v2m_database *database, struct v2m_key_list *keys,
		    struct v2m_key_notes *notes)
{
	V2M_CLEANUP(clear)
	struct xui xui = {
		.database = database,
		.notes = notes,
		.disabled = json_object(),
		.terms = json_object(),
		.linked = json_object(),
		.fallbacks = json_object(),
		.inbounds = json_array(),
	};
	int result = read_tables(&xui);

	return result ? result
		      : v2m_panel_read_inbounds(database, json_incref(xui.inbounds), keys, notes);
}
