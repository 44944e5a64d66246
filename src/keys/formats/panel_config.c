// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/panel_config.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "keys/formats/v2ray_config.h"
#include "keys/formats/v2ray_users.h"

const char *v2m_panel_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	/* SQLite does not check the encoding. */
	return text && v2m_is_utf8(text) ? text : "";
}

bool v2m_panel_is_true(sqlite3_stmt *statement, int column)
{
	const char *text = v2m_panel_text(statement, column);

	return *text && strcmp(text, "0") != 0 && strcasecmp(text, "false") != 0;
}

json_t *v2m_panel_cell(struct v2m_database *database, sqlite3_stmt *statement, int column,
		       const char *what, struct v2m_key_notes *notes)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	const char *text = v2m_panel_text(statement, column);
	struct v2m_error error = { 0 };

	if (!*text || strcmp(text, "null") == 0)
		return NULL;
	/* The panels hand the text to the proxy as it is, so it is read as the proxy does. */
	if (v2m_json_doc_parse(what, text, strlen(text), V2M_JSON_V2RAY, &doc, &error)) {
		v2m_key_note_file(notes, V2M_NOTE_MISSING, database->path,
				  "its users are not counted: %s", error.text);
		return NULL;
	}
	return json_incref(doc.root);
}

json_t *v2m_panel_user(const char *email, const char *name, const char *value, bool is_active)
{
	json_t *user = json_pack("{ss}", "email", email);

	if (user && value && *value && json_object_set_new(user, name, json_string(value))) {
		json_decref(user);
		return NULL;
	}
	if (user && !is_active && json_object_set_new(user, V2M_PANEL_INACTIVE, json_true())) {
		json_decref(user);
		return NULL;
	}
	return user;
}

int v2m_panel_set_terms(json_t *user, int64_t limit_bytes, int64_t expires_s)
{
	if (limit_bytes > 0 &&
	    json_object_set_new(user, V2M_PANEL_LIMIT, json_integer(limit_bytes)))
		return -ENOMEM;
	if (expires_s > 0 && json_object_set_new(user, V2M_PANEL_EXPIRES, json_integer(expires_s)))
		return -ENOMEM;
	return 0;
}

int64_t v2m_panel_time(sqlite3_stmt *statement, int column)
{
	const char *text = v2m_panel_text(statement, column);
	char zoned[40];
	int64_t real_s;

	if (sqlite3_column_type(statement, column) == SQLITE_INTEGER)
		return sqlite3_column_int64(statement, column);
	if (v2m_time_parse(text, &real_s))
		return 0;
	/* A time without a zone is UTC. */
	snprintf(zoned, sizeof(zoned), "%.32sZ", text);
	v2m_time_parse(zoned, &real_s);
	return real_s;
}

int v2m_panel_read_inbounds(struct v2m_database *database, json_t *list, struct v2m_key_list *keys,
			    struct v2m_key_notes *notes)
{
	struct v2m_json_doc doc = {
		.path = (char *)database->path,
		.dialect = V2M_JSON_V2RAY,
		.made = true,
		.root = list ? json_pack("{so}", "inbounds", list) : NULL,
	};
	int result;

	if (!doc.root)
		return v2m_database_out_of_memory(database);
	result = v2m_v2ray_read(&doc, 1, keys, notes, database->error);
	json_decref(doc.root);
	return result;
}

int v2m_panel_read_translated(const struct v2m_json_doc *docs, size_t n_docs,
			      int (*translate)(const struct v2m_json_doc *doc,
					       struct v2m_json_doc *made),
			      struct v2m_key_list *keys, struct v2m_key_notes *notes,
			      struct v2m_error *error)
{
	V2M_FREE struct v2m_json_doc *made = calloc(n_docs + 1, sizeof(*made));
	size_t n = 0;
	int result = made ? 0 : -ENOMEM;

	for (; n < n_docs && !result; n++)
		result = translate(&docs[n], &made[n]);
	if (result)
		v2m_error_set(error, result, "out of memory");
	else
		result = v2m_v2ray_read(made, n_docs, keys, notes, error);
	for (size_t i = 0; i < n; i++)
		json_decref(made[i].root);
	return result;
}
