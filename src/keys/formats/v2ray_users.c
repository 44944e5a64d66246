// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_users.h"

#include <string.h>
#include <strings.h>

/* How the users of a protocol are named in the settings of an inbound. */
struct protocol {
	const char *name;
	const char *lists[2]; /* the first that is there counts */
	bool has_ids;
	bool may_be_single; /* one password in the settings, without a list */
	const char *none;   /* why an inbound without a list has no users; NULL: unusual */
};

static const char no_users[] = "it has no users";
static const char is_open[] = "it has no users: it is open to everybody";

static const struct protocol protocols[] = {
	{ "vmess", { "clients", "users" }, true, false, no_users },
	{ "vless", { "clients", "users" }, true, false, no_users },
	{ "trojan", { "clients", "users" }, false, false, no_users },
	{ "shadowsocks", { "clients", "users" }, false, true, no_users },
	{ "shadowsocks-2022", { "clients", "users" }, false, true, no_users },
	{ "hysteria", { "clients", "users" }, false, true, no_users },
	{ "hysteria2", { "clients", "users" }, false, true, no_users },
	{ "tuic", { "clients", "users" }, true, false, no_users },
	{ "naive", { "users", NULL }, false, false, no_users },
	{ "anytls", { "users", NULL }, false, false, no_users },
	{ "shadowtls", { "users", NULL }, false, true, no_users },
	{ "mtproto", { "users", "clients" }, false, false, no_users },
	{ "wireguard", { "peers", NULL }, false, false, no_users },
	{ "socks", { "accounts", "users" }, false, false, is_open },
	{ "mixed", { "accounts", "users" }, false, false, is_open },
	{ "http", { "accounts", "users" }, false, false, is_open },
	{ "dokodemo-door", { NULL, NULL }, false, false, "a relay has no users" },
	{ "tunnel", { NULL, NULL }, false, false, "a relay has no users" },
	{ "tun", { NULL, NULL }, false, false, "a tun device has no users" },
	{ "dns", { NULL, NULL }, false, false, no_users },
	{ "loopback", { NULL, NULL }, false, false, no_users },
};

/* A file whose protocol is not known, or absent as in parts of configurations. */
static const struct protocol other = { "", { "clients", "accounts" }, true, true, no_users };

static const struct protocol *find_protocol(const char *name)
{
	for (size_t i = 0; name && i < V2M_ARRAY_LEN(protocols); i++)
		if (strcasecmp(name, protocols[i].name) == 0)
			return &protocols[i];
	return &other;
}

int v2m_v2ray_text(const struct v2m_json_node *parent, const char *name, const char **text,
		   struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(parent, name);

	*text = json_string_value(node.value);
	if (node.value && !*text)
		return v2m_json_expected(&node, error, "a string");
	if (*text && !**text)
		*text = NULL;
	return 0;
}

static bool has_text(const struct v2m_json_node *parent, const char *name)
{
	struct v2m_json_node node = v2m_json_member(parent, name);

	return json_string_length(node.value) > 0;
}

/* Shadowsocks may have one password in place of a list, or beside an empty one. Hysteria has it in
 * the settings of its transport, which have a name for each proxy. */
static bool has_password(const struct v2m_json_node *inbound, const struct v2m_json_node *settings)
{
	static const char *const transports[] = { "hysteriaSettings", "hy2Settings",
						  "transportSettings" };
	struct v2m_json_node stream = v2m_json_member(inbound, "streamSettings");
	struct v2m_json_node protocol = v2m_json_member(inbound, "protocol");
	const char *name = json_string_value(protocol.value);

	if (has_text(settings, "password"))
		return true;
	if (!name || strncasecmp(name, "hysteria", 8) != 0)
		return false;
	for (size_t i = 0; i < V2M_ARRAY_LEN(transports); i++) {
		struct v2m_json_node transport = v2m_json_member(&stream, transports[i]);

		if (has_text(&transport, "auth") || has_text(&transport, "password"))
			return true;
	}
	return false;
}

static int find_list(const struct protocol *protocol, struct v2m_v2ray_users *users,
		     struct v2m_error *error)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(protocol->lists); i++) {
		if (!protocol->lists[i] || users->list.value)
			continue;
		users->list = v2m_json_member(&users->settings, protocol->lists[i]);
	}
	if (!users->list.value && protocol == &other)
		users->list = v2m_json_member(&users->settings, "users");
	return users->list.value ? v2m_json_array(&users->list, error) : 0;
}

int v2m_v2ray_users_find(const struct v2m_json_node *inbound, struct v2m_v2ray_users *users,
			 struct v2m_error *error)
{
	struct v2m_json_node name = v2m_json_member(inbound, "protocol");
	const struct protocol *protocol = find_protocol(json_string_value(name.value));
	int result;

	*users = (struct v2m_v2ray_users){ .has_ids = protocol->has_ids };
	users->settings = v2m_json_member(inbound, "settings");
	result = find_list(protocol, users, error);
	if (result)
		return result;
	if (json_array_size(users->list.value) > 0)
		return 0;
	users->list.value = NULL;
	users->is_single = protocol->may_be_single && has_password(inbound, &users->settings);
	users->is_unknown = protocol == &other && name.value;
	users->none = users->is_single ? NULL : protocol->none;
	return 0;
}

size_t v2m_v2ray_users_count(const struct v2m_v2ray_users *users)
{
	return users->is_single ? 1 : json_array_size(users->list.value);
}

struct v2m_json_node v2m_v2ray_users_item(const struct v2m_v2ray_users *users, size_t place)
{
	return users->is_single ? users->settings : v2m_json_item(&users->list, place);
}

bool v2m_v2ray_user_is_inactive(const struct v2m_json_node *node)
{
	return node->doc->made && json_is_true(json_object_get(node->value, V2M_PANEL_INACTIVE));
}

static struct v2m_key_terms read_terms(const struct v2m_json_node *node)
{
	json_int_t limit = json_integer_value(json_object_get(node->value, V2M_PANEL_LIMIT));
	json_int_t expires = json_integer_value(json_object_get(node->value, V2M_PANEL_EXPIRES));

	if (!node->doc->made)
		return (struct v2m_key_terms){ 0 };
	return (struct v2m_key_terms){ limit > 0 ? (uint64_t)limit : 0, expires > 0 ? expires : 0 };
}

int v2m_v2ray_user_read(const struct v2m_v2ray_users *users, const struct v2m_json_node *node,
			struct v2m_v2ray_user *user, struct v2m_error *error)
{
	struct v2m_json_node id = v2m_json_member(node, "id");
	int result;

	*user = (struct v2m_v2ray_user){ .is_inactive = v2m_v2ray_user_is_inactive(node),
					 .terms = read_terms(node) };
	/* V2Ray 5 has lists of ids, and of passwords for Trojan. */
	if (json_is_string(node->value)) {
		id = *node;
		user->id = users->has_ids ? json_string_value(node->value) : NULL;
		result = 0;
	} else if (users->is_single && !node->value) {
		return 0;
	} else {
		result = v2m_json_object(node, error);
		if (!result)
			result = v2m_v2ray_text(node, "email", &user->email, error);
		if (!result && !user->email)
			result = v2m_v2ray_text(node, "user", &user->email, error);
		if (!result)
			result = v2m_v2ray_text(node, "publicKey", &user->key, error);
		if (!result)
			result = v2m_v2ray_text(node, "id", &user->id, error);
	}
	if (result)
		return result;
	if (user->id && strlen(user->id) > V2M_V2RAY_MAX_TEXT)
		return v2m_json_expected(&id, error, "a string of at most 247 bytes");
	return 0;
}
