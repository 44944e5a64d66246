// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/singbox_config.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "keys/formats/panel_config.h"
#include "keys/formats/v2ray_users.h"

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool is_one_of(const char *text, const char *const *names, size_t n_names)
{
	for (size_t i = 0; text && i < n_names; i++)
		if (strcmp(text, names[i]) == 0)
			return true;
	return false;
}

/* V2Ray names the protocol of an inbound, sing-box its type. */
static bool has_typed_item(const json_t *list)
{
	const json_t *first = json_array_get(list, 0);

	return text_of(first, "type") && !json_object_get(first, "protocol");
}

bool v2m_singbox_is_config(const json_t *root)
{
	static const char *const members[] = { "route", "experimental", "endpoints",
					       "certificate" };

	if (!json_is_object(root) || json_object_get(root, "routing"))
		return false;
	for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++)
		if (json_is_object(json_object_get(root, members[i])) ||
		    json_is_array(json_object_get(root, members[i])))
			return true;
	return has_typed_item(json_object_get(root, "inbounds")) ||
	       has_typed_item(json_object_get(root, "outbounds"));
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* The members that the rules of V2Ray ask for; secrets are not copied. */
static json_t *make_user(const json_t *user, bool has_id)
{
	const char *name = text_of(user, "name");
	json_t *made;

	if (!json_is_object(user))
		return json_incref((json_t *)user);
	if (!name || !*name)
		name = text_of(user, "username");
	made = v2m_panel_user(name ? name : "", "id", has_id ? text_of(user, "uuid") : NULL,
			      !json_is_true(json_object_get(user, V2M_PANEL_INACTIVE)));
	if (made && v2m_panel_set_terms(made, number_of(user, V2M_PANEL_LIMIT),
					number_of(user, V2M_PANEL_EXPIRES))) {
		json_decref(made);
		return NULL;
	}
	return made;
}

static json_t *make_users(const json_t *users, bool has_ids)
{
	json_t *list = json_array();
	json_t *user;
	size_t i;

	json_array_foreach (users, i, user) {
		json_t *made = make_user(user, has_ids);

		if (!made || json_array_append_new(list, made)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* A protocol with one password for all, or whose users listen by a network that it names. */
static int set_settings(json_t *settings, const json_t *inbound, const char *type)
{
	const char *network = text_of(inbound, "network");
	bool is_shadowsocks = type && strcmp(type, "shadowsocks") == 0;
	int failed = 0;

	if (is_shadowsocks)
		failed |=
			json_object_set_new(settings, "network",
					    json_string(network && *network ? network : "tcp,udp"));
	if (json_string_length(json_object_get(inbound, "password")) ||
	    json_string_length(json_object_get(inbound, "auth_str")))
		failed |= json_object_set_new(settings, "password", json_string("*"));
	return failed;
}

static json_t *make_settings(const json_t *inbound, const char *type)
{
	static const char *const with_ids[] = { "vmess", "vless", "tuic" };
	const json_t *users = json_object_get(inbound, "users");
	bool has_ids = is_one_of(type, with_ids, V2M_ARRAY_LEN(with_ids));
	json_t *settings = json_object();
	/* If it is no list, it is refused later, with its place. */
	json_t *made = !users || json_is_array(users) ? make_users(users, has_ids)
						      : json_incref((json_t *)users);

	if (!settings || json_object_set_new(settings, "users", made) ||
	    set_settings(settings, inbound, type)) {
		json_decref(settings);
		return NULL;
	}
	return settings;
}

/* The transport, and the names that clients ask for. */
static json_t *make_stream(const json_t *inbound)
{
	const char *transport = text_of(json_object_get(inbound, "transport"), "type");
	const json_t *tls = json_object_get(inbound, "tls");
	const json_t *ids = json_object_get(json_object_get(tls, "reality"), "short_id");
	const char *name = text_of(tls, "server_name");

	return json_pack("{ss s{ss*} s{sO*}}", "network",
			 transport && strcmp(transport, "quic") == 0 ? "quic" : "tcp",
			 "tlsSettings", "serverName", name, "realitySettings", "shortIds",
			 json_is_array(ids) ? ids : NULL);
}

/* Relays to what the kernel redirects have no users. */
static const char *protocol_of(const char *type)
{
	static const char *const relays[] = { "direct", "redirect", "tproxy" };

	return is_one_of(type, relays, V2M_ARRAY_LEN(relays)) ? "tunnel" : type;
}

static json_t *make_inbound(const json_t *inbound)
{
	const char *type = text_of(inbound, "type");
	json_t *port = json_object_get(inbound, "listen_port");
	json_t *made;

	if (!json_is_object(inbound))
		return json_incref((json_t *)inbound);
	made = json_pack("{so so* so*}", "port", port ? json_incref(port) : json_integer(0),
			 "settings", make_settings(inbound, type), "streamSettings",
			 make_stream(inbound));
	if (!made || !json_object_get(made, "settings") ||
	    !json_object_get(made, "streamSettings") ||
	    (type && json_object_set_new(made, "protocol", json_string(protocol_of(type)))) ||
	    (text_of(inbound, "tag") &&
	     json_object_set(made, "tag", json_object_get(inbound, "tag"))) ||
	    (text_of(inbound, "listen") &&
	     json_object_set(made, "listen", json_object_get(inbound, "listen")))) {
		json_decref(made);
		return NULL;
	}
	return made;
}

/* An endpoint of WireGuard is a server if it has a port. */
static json_t *make_endpoint(const json_t *endpoint)
{
	const json_t *peers = json_object_get(endpoint, "peers");
	json_t *list = json_array();
	json_t *peer;
	size_t i;

	json_array_foreach (peers, i, peer)
		if (json_array_append_new(
			    list, json_pack("{ss*}", "publicKey", text_of(peer, "public_key")))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{sO ss ss s{so}}", "port", json_object_get(endpoint, "listen_port"),
			 "protocol", "wireguard", "tag",
			 text_of(endpoint, "tag") ? text_of(endpoint, "tag") : "", "settings",
			 "peers", list);
}

static bool is_wireguard_server(const json_t *endpoint)
{
	const char *type = text_of(endpoint, "type");

	return type && strcmp(type, "wireguard") == 0 &&
	       json_integer_value(json_object_get(endpoint, "listen_port")) > 0;
}

json_t *v2m_singbox_inbounds(const json_t *root)
{
	json_t *list = json_array();
	json_t *item;
	size_t i;
	int failed = list ? 0 : -1;

	json_array_foreach (json_object_get(root, "inbounds"), i, item)
		failed |= json_array_append_new(list, make_inbound(item));
	json_array_foreach (json_object_get(root, "endpoints"), i, item)
		if (is_wireguard_server(item))
			failed |= json_array_append_new(list, make_endpoint(item));
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

/* The text is that of the file, so errors and notes name the place of an inbound there. */
static int translate(const struct v2m_json_doc *doc, struct v2m_json_doc *made)
{
	json_t *inbounds = json_object_get(doc->root, "inbounds");
	json_t *list;

	*made = *doc;
	made->made = true;
	if (inbounds && !json_is_array(inbounds)) {
		made->root = json_pack("{sO}", "inbounds", inbounds);
		return made->root ? 0 : -ENOMEM;
	}
	list = v2m_singbox_inbounds(doc->root);
	made->root = list ? json_pack("{so}", "inbounds", list) : NULL;
	return made->root ? 0 : -ENOMEM;
}

int v2m_singbox_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		     struct v2m_key_notes *notes, struct v2m_error *error)
{
	return v2m_panel_read_translated(docs, n_docs, translate, keys, notes, error);
}
