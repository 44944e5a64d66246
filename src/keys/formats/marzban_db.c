// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/marzban_db.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "keys/formats/marzban_env.h"
#include "keys/formats/panel_config.h"
#include "keys/formats/v2ray_config.h"

/* The protocols of which the panels make users; other inbounds stay as they are. */
static const struct protocol {
	const char *name;
	const char *credential; /* in the settings of the user, if it is an id */
} protocols[] = {
	{ "vmess", "id" },       { "vless", "id" },     { "trojan", NULL },
	{ "shadowsocks", NULL }, { "wireguard", NULL }, { "hysteria", NULL },
};

/* The state while a database is read. */
struct marzban {
	struct v2m_database *database;
	struct v2m_key_notes *notes;
	json_t *inbounds; /* of all configurations; belongs to them */
	/* The inbounds with each tag of which the panels make users: cores may have the same tags.
	 */
	json_t *by_tag;
	json_t *excluded; /* "PROXY TAG" of the inbounds that a proxy does not get */
	char *left_out;   /* tags of inbounds that nobody gets, with blanks between them; or NULL */
	size_t n_cores;
};

static void clear(struct marzban *marzban)
{
	json_decref(marzban->inbounds);
	json_decref(marzban->by_tag);
	json_decref(marzban->excluded);
	free(marzban->left_out);
}

static int out_of_memory(struct marzban *marzban)
{
	return v2m_database_out_of_memory(marzban->database);
}

static const struct protocol *find_protocol(const char *name)
{
	for (size_t i = 0; name && i < V2M_ARRAY_LEN(protocols); i++)
		if (strcasecmp(name, protocols[i].name) == 0)
			return &protocols[i];
	return NULL;
}

static const struct protocol *protocol_of(const json_t *inbound)
{
	return find_protocol(json_string_value(json_object_get(inbound, "protocol")));
}

static const char *list_name(const json_t *inbound)
{
	const struct protocol *protocol = protocol_of(inbound);

	return strcmp(protocol->name, "wireguard") == 0 ? "peers" : "clients";
}

static int add_by_tag(struct marzban *marzban, const char *tag, json_t *inbound)
{
	json_t *list = json_object_get(marzban->by_tag, tag);

	if (!list) {
		list = json_array();
		if (json_object_set_new(marzban->by_tag, tag, list))
			return out_of_memory(marzban);
	}
	return json_array_append(list, inbound) ? out_of_memory(marzban) : 0;
}

/* Whether one of the tags, between which the separators are, is this one. */
static bool has_tag(const char *tags, const char *separators, const char *tag)
{
	while (*tags) {
		size_t length = strcspn(tags, separators);

		if (strlen(tag) == length && strncmp(tags, tag, length) == 0)
			return true;
		tags += length + (tags[length] != 0);
	}
	return false;
}

enum core_column { CONFIG, CORE_ID, FIRST_TAGS };

/* Whether the panel gives nobody to the inbounds of this core with the tag: they have the users of
 * the configuration only. */
static bool is_left_out(const struct marzban *marzban, sqlite3_stmt *core, const char *tag)
{
	if (marzban->left_out && has_tag(marzban->left_out, " \t", tag))
		return true;
	for (int column = FIRST_TAGS; core && column < sqlite3_column_count(core); column++)
		if (has_tag(v2m_panel_text(core, column), ",", tag))
			return true;
	return false;
}

/* Registers the inbounds of a configuration by their tags, which the panels ask for. core: the row
 * that it comes from; NULL: it is a file. */
static int register_inbounds(struct marzban *marzban, json_t *root, sqlite3_stmt *core)
{
	json_t *inbounds = json_object_get(root, "inbounds");
	json_t *inbound;
	size_t i;

	json_array_foreach (inbounds, i, inbound) {
		const char *tag = json_string_value(json_object_get(inbound, "tag"));

		if (!json_is_object(inbound))
			continue;
		if (protocol_of(inbound) && !json_is_object(json_object_get(inbound, "settings")) &&
		    json_object_set_new(inbound, "settings", json_object()))
			return out_of_memory(marzban);
		if (tag && !is_left_out(marzban, core, tag) && add_by_tag(marzban, tag, inbound))
			return -ENOMEM;
		if (json_array_append(marzban->inbounds, inbound))
			return out_of_memory(marzban);
	}
	return 0;
}

static int add_user(struct marzban *marzban, json_t *inbound, json_t *user)
{
	json_t *settings = json_object_get(inbound, "settings");
	const char *name = list_name(inbound);

	if (!user)
		return out_of_memory(marzban);
	if (!json_is_array(json_object_get(settings, name)) &&
	    json_object_set_new(settings, name, json_array())) {
		json_decref(user);
		return out_of_memory(marzban);
	}
	return json_array_append_new(json_object_get(settings, name), user) ? out_of_memory(marzban)
									    : 0;
}

static bool is_active(const char *status)
{
	return strcasecmp(status, "active") == 0 || strcasecmp(status, "on_hold") == 0;
}

/* The columns of a user, from that one on. */
enum user_column { NUMBER, USERNAME, STATUS, DATA_LIMIT, EXPIRE };

/* A user as the panels give him to an inbound. settings are his for the protocol of the inbound. */
static json_t *make_user(sqlite3_stmt *statement, int from, const json_t *settings,
			 const json_t *inbound)
{
	const struct protocol *protocol = protocol_of(inbound);
	const char *key = json_string_value(json_object_get(settings, "public_key"));
	const char *id =
		protocol->credential
			? json_string_value(json_object_get(settings, protocol->credential))
			: NULL;
	char email[256];
	json_t *user;
	int length =
		snprintf(email, sizeof(email), "%s.", v2m_panel_text(statement, from + NUMBER));

	snprintf(email + length, sizeof(email) - (size_t)length, "%s",
		 v2m_panel_text(statement, from + USERNAME));
	user = v2m_panel_user(email, id ? "id" : "publicKey", id ? id : key,
			      is_active(v2m_panel_text(statement, from + STATUS)));
	if (user && v2m_panel_set_terms(user, sqlite3_column_int64(statement, from + DATA_LIMIT),
					v2m_panel_time(statement, from + EXPIRE))) {
		json_decref(user);
		return NULL;
	}
	return user;
}

/* The query with the columns of a user in place of $user. Versions without the terms have NULL. */
static int each_user(struct marzban *marzban, const char *sql,
		     int (*take)(void *context, sqlite3_stmt *statement))
{
	bool has_terms = v2m_database_has(marzban->database, "users", "data_limit") &&
			 v2m_database_has(marzban->database, "users", "expire");
	const char *place = strstr(sql, "$user");
	V2M_FREE char *text = NULL;

	if (asprintf(&text, "%.*su.id, u.username, u.status, %s%s", (int)(place - sql), sql,
		     has_terms ? "u.data_limit, u.expire" : "NULL, NULL",
		     place + strlen("$user")) < 0) {
		text = NULL;
		return out_of_memory(marzban);
	}
	return v2m_database_each(marzban->database, text, take, marzban);
}

static int take_excluded(void *context, sqlite3_stmt *statement)
{
	struct marzban *marzban = context;

	return json_object_set_new(marzban->excluded, v2m_panel_text(statement, 0), json_true())
		       ? out_of_memory(marzban)
		       : 0;
}

static int read_excluded(struct marzban *marzban)
{
	if (!v2m_database_has(marzban->database, "exclude_inbounds_association", "inbound_tag"))
		return 0;
	return v2m_database_each(
		marzban->database,
		"SELECT proxy_id || ' ' || inbound_tag FROM exclude_inbounds_association",
		take_excluded, marzban);
}

static bool is_excluded(const struct marzban *marzban, const char *proxy, const char *tag)
{
	char name[512];

	snprintf(name, sizeof(name), "%s %s", proxy, tag);
	return json_object_get(marzban->excluded, name);
}

enum proxy_column { PROXY_ID, TYPE, SETTINGS, PROXY_USER };

/* Gives the user of a proxy to those inbounds of a tag that have its protocol. */
static int give_proxy(struct marzban *marzban, sqlite3_stmt *statement,
		      const struct protocol *protocol, const json_t *settings,
		      const json_t *inbounds)
{
	json_t *inbound;
	int result = 0;
	size_t i;

	json_array_foreach (inbounds, i, inbound)
		if (!result && protocol_of(inbound) == protocol)
			result = add_user(marzban, inbound,
					  make_user(statement, PROXY_USER, settings, inbound));
	return result;
}

/* Gives the user of a proxy to all inbounds of its protocol. */
static int take_proxy(void *context, sqlite3_stmt *statement)
{
	struct marzban *marzban = context;
	const struct protocol *protocol = find_protocol(v2m_panel_text(statement, TYPE));
	char what[96];
	json_t *settings;
	json_t *inbounds;
	const char *tag;
	int result = 0;

	if (!protocol)
		return 0;
	snprintf(what, sizeof(what), "proxy %s", v2m_panel_text(statement, PROXY_ID));
	settings = v2m_panel_cell(marzban->database, statement, SETTINGS, what, marzban->notes);
	json_object_foreach (marzban->by_tag, tag, inbounds)
		if (!result && !is_excluded(marzban, v2m_panel_text(statement, PROXY_ID), tag))
			result = give_proxy(marzban, statement, protocol, settings, inbounds);
	json_decref(settings);
	return result;
}

static int read_proxies(struct marzban *marzban)
{
	static const char sql[] =
		"SELECT p.id, p.type, p.settings, $user FROM proxies p JOIN users u ON "
		"u.id = p.user_id ORDER BY u.id, p.id";

	return each_user(marzban, sql, take_proxy);
}

/* "DIRECTORY/xray_config.json" of the database. */
static void make_config_path(const struct v2m_database *database, char path[static PATH_MAX])
{
	const char *slash = strrchr(database->path, '/');

	snprintf(path, PATH_MAX, "%.*sxray_config.json",
		 slash ? (int)(slash - database->path + 1) : 0, database->path);
}

static int read_config(struct v2m_database *database, struct v2m_json_doc *doc)
{
	V2M_FREE char *text = NULL;
	char path[PATH_MAX];
	size_t length;
	int result;

	make_config_path(database, path);
	result = v2m_json_doc_read(path, &text, &length, database->error);
	return result ? result
		      : v2m_json_doc_parse(path, text, length, V2M_JSON_V2RAY, doc,
					   database->error);
}

/* The file may be missing. One that cannot be read is noted. */
static void read_env(struct marzban *marzban)
{
	V2M_FREE char *text = NULL;
	struct v2m_error error = { 0 };
	char path[PATH_MAX];
	size_t length;
	int result;

	v2m_marzban_env_path(marzban->database->path, path);
	result = v2m_json_doc_read(path, &text, &length, &error);
	if (result && result != -ENOENT)
		v2m_key_note_file(marzban->notes, V2M_NOTE_REMARK, marzban->database->path,
				  "inbounds that XRAY_EXCLUDE_INBOUND_TAGS leaves out are not "
				  "known: %.300s",
				  error.text);
	if (!result)
		marzban->left_out = v2m_marzban_env_find(text, "XRAY_EXCLUDE_INBOUND_TAGS");
}

int v2m_marzban_db_read(struct v2m_database *database, struct v2m_key_list *keys,
			struct v2m_key_notes *notes)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(clear)
	struct marzban marzban = {
		.database = database,
		.notes = notes,
		.inbounds = json_array(),
		.by_tag = json_object(),
		.excluded = json_object(),
	};
	int result = read_config(database, &doc);

	if (!result && (!marzban.inbounds || !marzban.by_tag || !marzban.excluded))
		result = out_of_memory(&marzban);
	if (!result)
		read_env(&marzban);
	if (!result)
		result = register_inbounds(&marzban, doc.root, NULL);
	if (!result)
		result = read_excluded(&marzban);
	if (!result)
		result = read_proxies(&marzban);
	if (result)
		return result;
	/* The text of the file stays, so notes name the lines of its inbounds. */
	doc.made = true;
	return v2m_v2ray_read(&doc, 1, keys, notes, database->error);
}

static int take_core(void *context, sqlite3_stmt *statement)
{
	struct marzban *marzban = context;
	char what[96];
	json_t *root;
	int result;

	snprintf(what, sizeof(what), "core %s", v2m_panel_text(statement, CORE_ID));
	root = v2m_panel_cell(marzban->database, statement, CONFIG, what, marzban->notes);
	result = register_inbounds(marzban, root, statement);
	json_decref(root);
	marzban->n_cores++;
	return result;
}

/* Configurations of another proxy than Xray have a type of their own. */
static int read_cores(struct marzban *marzban)
{
	struct v2m_database *database = marzban->database;
	bool has_type = v2m_database_has(database, "core_configs", "type");
	bool excludes = v2m_database_has(database, "core_configs", "exclude_inbound_tags");
	bool has_fallbacks = v2m_database_has(database, "core_configs", "fallbacks_inbound_tags");
	char sql[192];
	int result;

	snprintf(sql, sizeof(sql), "SELECT config, id%s%s FROM core_configs%s ORDER BY id",
		 excludes ? ", exclude_inbound_tags" : "",
		 has_fallbacks ? ", fallbacks_inbound_tags" : "",
		 has_type ? " WHERE lower(type) = 'xray'" : "");
	result = v2m_database_each(database, sql, take_core, marzban);

	if (!result && marzban->n_cores > 1)
		v2m_key_note_file(
			marzban->notes, V2M_NOTE_REMARK, marzban->database->path,
			"it has the configurations of %zu cores: all are read, because it "
			"does not say which one runs on this server",
			marzban->n_cores);
	return result;
}

enum member_column { TAG, PROXY_SETTINGS, MEMBER };

static int take_member(void *context, sqlite3_stmt *statement)
{
	struct marzban *marzban = context;
	json_t *inbounds = json_object_get(marzban->by_tag, v2m_panel_text(statement, TAG));
	char what[96];
	json_t *settings;
	json_t *inbound;
	int result = 0;
	size_t i;

	if (!inbounds)
		return 0;
	snprintf(what, sizeof(what), "user %s", v2m_panel_text(statement, MEMBER + NUMBER));
	settings =
		v2m_panel_cell(marzban->database, statement, PROXY_SETTINGS, what, marzban->notes);
	json_array_foreach (inbounds, i, inbound) {
		const struct protocol *protocol = protocol_of(inbound);

		if (!result && protocol)
			result = add_user(marzban, inbound,
					  make_user(statement, MEMBER,
						    json_object_get(settings, protocol->name),
						    inbound));
	}
	json_decref(settings);
	return result;
}

static int read_members(struct marzban *marzban)
{
	static const char sql[] = "SELECT DISTINCT i.tag, u.proxy_settings, $user FROM users u "
				  "JOIN users_groups_association ug ON ug.user_id = u.id "
				  "JOIN groups g ON g.id = ug.groups_id AND NOT g.is_disabled "
				  "JOIN inbounds_groups_association ig ON ig.group_id = g.id "
				  "JOIN inbounds i ON i.id = ig.inbound_id ORDER BY u.id, i.id";

	return each_user(marzban, sql, take_member);
}

int v2m_pasarguard_db_read(struct v2m_database *database, struct v2m_key_list *keys,
			   struct v2m_key_notes *notes)
{
	V2M_CLEANUP(clear)
	struct marzban marzban = {
		.database = database,
		.notes = notes,
		.inbounds = json_array(),
		.by_tag = json_object(),
	};
	int result =
		marzban.inbounds && marzban.by_tag ? read_cores(&marzban) : out_of_memory(&marzban);

	if (!result)
		result = read_members(&marzban);
	return result ? result
		      : v2m_panel_read_inbounds(database, json_incref(marzban.inbounds), keys,
						notes);
}
