// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/hysteria_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/macros.h"
#include "base/text.h"
#include "keys/formats/panel_config.h"

#define DEFAULT_PORT "443"

/* Hysteria takes the names of members in any case. */
static json_t *member(const json_t *object, const char *wanted)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)object, name, value) {
		if (strcasecmp(name, wanted) == 0)
			return value;
	}
	return NULL;
}

/* A client has "server" and a bare string as "auth". */
bool v2m_hysteria_is_config(const json_t *root)
{
	static const char *const members[] = { "listen", "tls", "acme", "masquerade", "bandwidth" };

	if (member(root, "server") || member(root, "inbounds") ||
	    !json_is_string(member(member(root, "auth"), "type")))
		return false;
	for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++)
		if (member(root, members[i]))
			return true;
	return false;
}

/* Splits "HOST:PORTS". The host of a name or of all addresses is "". */
static void split_listen(const char *listen, char *host, size_t size, const char **ports)
{
	const char *colon = strrchr(listen, ':');

	*ports = colon && colon[1] ? colon + 1 : DEFAULT_PORT;
	snprintf(host, size, "%.*s", colon ? (int)(colon - listen) : 0, listen);
}

static json_t *make_users(const json_t *userpass)
{
	json_t *list = json_array();
	const char *name;
	json_t *password;

	json_object_foreach ((json_t *)userpass, name, password) {
		char lower[V2M_JSON_MAX_STRING + 1];

		v2m_lower_case(name, lower, sizeof(lower));
		if (json_array_append_new(list, v2m_panel_user(lower, "id", NULL, true))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool is_type(const json_t *auth, const char *type)
{
	const char *text = json_string_value(member(auth, "type"));

	return text && strcasecmp(text, type) == 0;
}

/* The settings of the inbound: its users, or one password for all. */
static json_t *make_settings(const json_t *auth)
{
	if (is_type(auth, "userpass"))
		return json_pack("{so}", "clients", make_users(member(auth, "userpass")));
	return json_pack("{ss}", "password", "*");
}

static json_t *make_root(const json_t *root)
{
	const char *listen = json_string_value(member(root, "listen"));
	char host[256];
	const char *ports;

	split_listen(listen ? listen : "", host, sizeof(host), &ports);
	return json_pack("{s[{ss ss ss so}]}", "inbounds", "protocol", "hysteria2", "listen", host,
			 "port", ports, "settings", make_settings(member(root, "auth")));
}

/* Says what the file does not. */
static void note_strangers(const struct v2m_json_doc *doc, struct v2m_key_notes *notes)
{
	const json_t *auth = member(doc->root, "auth");

	if (!is_type(auth, "userpass") && !is_type(auth, "password"))
		v2m_key_note_file(
			notes, V2M_NOTE_REMARK, doc->path,
			"its users are not in the file, because auth.type is \"%s\": they "
			"are one key together",
			json_string_value(member(auth, "type")));
}

/* Neither the text nor the places of the file fit to what was made of it. */
static int translate(const struct v2m_json_doc *doc, struct v2m_json_doc *made)
{
	*made = (struct v2m_json_doc){
		.path = doc->path,
		.dialect = V2M_JSON_V2RAY,
		.made = true,
		.root = make_root(doc->root),
	};
	return made->root ? 0 : -ENOMEM;
}

int v2m_hysteria_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		      struct v2m_key_notes *notes, struct v2m_error *error)
{
	for (size_t i = 0; i < n_docs; i++)
		note_strangers(&docs[i], notes);
	return v2m_panel_read_translated(docs, n_docs, translate, keys, notes, error);
}
