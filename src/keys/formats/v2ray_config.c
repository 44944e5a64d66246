// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/name_index.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/cleanup.h"
#include "keys/formats/v2ray_inbound.h"
#include "keys/formats/v2ray_merge.h"

/* With ":65535" behind it, such a text still fits into a name or subject. */
#define MAX_TEXT (V2M_JSON_MAX_STRING - 8)

/* Room for a string of the file with ":65535", or with "#" and a number. */
#define IDENTITY_LEN (V2M_JSON_MAX_STRING + 32)

/* The state while all inbounds are read. */
struct reader {
	struct v2m_key_list *keys;
	struct v2m_name_index known; /* places of keys in the list, by identity */
	struct v2m_error *error;
};

/* The properties that the keys of one inbound share. */
struct inbound {
	const struct v2m_json_node *node;
	const char *tag; /* NULL if it has none */
	const char *protocol;
	const char *sni;
	const char *short_id;
	unsigned transports;
	bool loopback;
	size_t first_key; /* the first key of this inbound in the list */
	struct v2m_port_set ports;
};

/* A client of an inbound. */
struct client {
	const struct v2m_json_node *node;
	const char *email;
	char identity[IDENTITY_LEN]; /* the text from which its id is made, without the port */
	char uuid[V2M_JSON_MAX_STRING + 1]; /* "" if its protocol has none */
};

bool v2m_v2ray_is_config(const json_t *root)
{
	static const char *const members[] = { "inbounds", "inbound", "inboundDetour", "outbounds",
					       "outbound", "routing", "dns",           "policy",
					       "log",      "api",     "transport",     "stats" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++)
		if (json_object_get(root, members[i]))
			return true;
	return false;
}

static int out_of_memory(struct reader *reader)
{
	return v2m_error_set(reader->error, -ENOMEM, "out of memory");
}

static const char *text_or_null(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && *text && strlen(text) <= MAX_TEXT ? text : NULL;
}

static void find_names(const json_t *stream, struct inbound *inbound)
{
	static const char *const security[] = { "tlsSettings", "xtlsSettings" };
	const json_t *reality = json_object_get(stream, "realitySettings");

	for (size_t i = 0; i < V2M_ARRAY_LEN(security) && !inbound->sni; i++)
		inbound->sni = text_or_null(
			json_object_get(json_object_get(stream, security[i]), "serverName"));
	if (!inbound->sni)
		inbound->sni =
			text_or_null(json_array_get(json_object_get(reality, "serverNames"), 0));
	inbound->short_id = text_or_null(json_array_get(json_object_get(reality, "shortIds"), 0));
}

static int optional_text(const struct v2m_json_node *parent, const char *name, const char **text,
			 struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(parent, name);

	*text = NULL;
	if (!node.value || (json_is_string(node.value) && json_string_length(node.value) == 0))
		return 0;
	*text = text_or_null(node.value);
	return *text ? 0 : v2m_json_expected(&node, error, "a string of at most 247 bytes");
}

/* The identity of a client without an id: the email, else the tag, else the protocol. The second
 * client without an email gets "#2" behind it, and so on. */
static void name_identity(const struct inbound *inbound, const char *email, size_t index,
			  struct client *client)
{
	const char *name = email ? email : inbound->tag;
	char number[16] = "";

	if (!email && index > 0)
		snprintf(number, sizeof(number), "#%zu", index + 1);
	if (name)
		snprintf(client->identity, sizeof(client->identity), "%s%s", name, number);
	else
		snprintf(client->identity, sizeof(client->identity), "%s%s", inbound->protocol,
			 number);
}

static int read_client(const struct inbound *inbound, const struct v2m_json_node *node,
		       size_t index, struct client *client, struct v2m_error *error)
{
	const char *id = NULL;
	int result = v2m_json_object(node, error);

	client->node = node;
	client->uuid[0] = 0;
	if (!result)
		result = optional_text(node, "email", &client->email, error);
	if (!result && !client->email)
		result = optional_text(node, "user", &client->email, error);
	if (!result)
		result = optional_text(node, "id", &id, error);
	if (result)
		return result;
	if (!id) {
		name_identity(inbound, client->email, index, client);
		return 0;
	}
	if (strlen(id) == V2M_UUID_LEN - 1 || !v2m_uuid_canonical(id, client->uuid))
		snprintf(client->uuid, sizeof(client->uuid), "%s", id);
	v2m_lower_case(client->uuid, client->identity, sizeof(client->identity));
	return 0;
}

/* The name of the key for people, with the port if the client has several. */
static char *make_name(const struct inbound *inbound, const struct client *client, unsigned port,
		       bool one_of_several)
{
	const char *name = client->email ? client->email : inbound->tag;
	char text[IDENTITY_LEN];

	if (!name)
		snprintf(text, sizeof(text), "%s-%u", inbound->protocol, port);
	else if (one_of_several)
		snprintf(text, sizeof(text), "%s:%u", name, port);
	else
		snprintf(text, sizeof(text), "%s", name);
	return strdup(text);
}

static char *copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int add_key(struct reader *reader, const struct inbound *inbound,
		   const struct client *client, unsigned port, const char *identity,
		   bool one_of_several)
{
	V2M_CLEANUP(v2m_key_clear)
	struct v2m_key key = {
		.is_active = true,
		.port = (uint16_t)port,
		.transports = inbound->transports,
		.loopback = inbound->loopback,
	};
	char id[V2M_UUID_LEN];

	if (reader->keys->count >= V2M_V2RAY_MAX_KEYS)
		return v2m_json_fail(inbound->node, reader->error,
				     "expected at most %u keys, one for each client and port",
				     V2M_V2RAY_MAX_KEYS);
	v2m_uuid5(identity, id);
	key.id = strdup(id);
	key.uuid = strdup(*client->uuid && !one_of_several ? client->uuid : id);
	key.name = make_name(inbound, client, port, one_of_several);
	key.sni = copy_or_null(inbound->sni);
	key.short_id = copy_or_null(inbound->short_id);
	key.source = strdup(inbound->node->doc->path);
	if (!key.id || !key.uuid || !key.name || !key.source ||
	    v2m_name_index_set(&reader->known, identity, reader->keys->count) ||
	    v2m_key_list_add(reader->keys, &key))
		return out_of_memory(reader);
	return 0;
}

/* On the same port, the client of another inbound is the same key. */
static int join_key(struct reader *reader, const struct inbound *inbound,
		    const struct client *client, size_t index)
{
	struct v2m_key *key = &reader->keys->items[index];

	if (index >= inbound->first_key)
		return v2m_json_fail(client->node, reader->error,
				     "the inbound already has a client with this %s",
				     *client->uuid ? "id" : "email");
	key->transports |= inbound->transports;
	key->loopback = key->loopback && inbound->loopback;
	return 0;
}

static int take_client_on(struct reader *reader, const struct inbound *inbound,
			  const struct client *client, unsigned port)
{
	bool one_of_several = inbound->ports.count > 1;
	char identity[IDENTITY_LEN + 8];
	size_t index;

	if (v2m_name_index_find(&reader->known, client->identity, &index)) {
		if (index >= inbound->first_key || reader->keys->items[index].port == port)
			return join_key(reader, inbound, client, index);
		one_of_several = true;
	}
	if (one_of_several)
		snprintf(identity, sizeof(identity), "%s:%u", client->identity, port);
	else
		snprintf(identity, sizeof(identity), "%s", client->identity);
	if (one_of_several && v2m_name_index_find(&reader->known, identity, &index))
		return join_key(reader, inbound, client, index);
	return add_key(reader, inbound, client, port, identity, one_of_several);
}

static int take_client(struct reader *reader, const struct inbound *inbound,
		       const struct v2m_json_node *node, size_t index)
{
	struct client client;
	int result = read_client(inbound, node, index, &client, reader->error);

	for (unsigned port = 1; !result && port <= 65535; port++)
		if (v2m_port_set_has(&inbound->ports, port))
			result = take_client_on(reader, inbound, &client, port);
	return result;
}

static int take_clients(struct reader *reader, const struct inbound *inbound,
			const struct v2m_json_node *clients)
{
	for (size_t i = 0; i < json_array_size(clients->value); i++) {
		struct v2m_json_node node = v2m_json_item(clients, i);
		int result = take_client(reader, inbound, &node, i);

		if (result)
			return result;
	}
	return 0;
}

/* The list of the clients of an inbound. In socks and http it has another name. */
static struct v2m_json_node find_clients(const struct v2m_json_node *settings)
{
	struct v2m_json_node clients = v2m_json_member(settings, "clients");

	return clients.value ? clients : v2m_json_member(settings, "accounts");
}

/* 0; 1 if the inbound has no port, or one that is not known; or -EINVAL. */
static int find_port(const struct v2m_v2ray_inbound *merged, struct inbound *inbound,
		     struct v2m_error *error)
{
	enum v2m_v2ray_listen listens = v2m_v2ray_listens(&merged->node);

	inbound->transports = v2m_v2ray_transports(&merged->node);
	inbound->loopback = listens == V2M_LISTEN_LOOPBACK;
	if (listens == V2M_LISTEN_UNIX || !inbound->transports)
		return 1;
	return v2m_v2ray_ports(&merged->port, &inbound->ports, error);
}

static int take_inbound(struct reader *reader, const struct v2m_v2ray_inbound *merged)
{
	struct inbound inbound = { .node = &merged->node, .first_key = reader->keys->count };
	struct v2m_json_node settings = v2m_json_member(&merged->node, "settings");
	struct v2m_json_node clients = find_clients(&settings);
	/* Shadowsocks may have one user in place of a list. */
	bool single = !clients.value && json_object_get(settings.value, "password");
	int result;

	if (clients.value && !json_is_array(clients.value))
		return v2m_json_expected(&clients, reader->error, "a list");
	if (json_array_size(clients.value) == 0 && !single)
		return 0;
	result = optional_text(&merged->node, "tag", &inbound.tag, reader->error);
	if (!result)
		result = optional_text(&merged->node, "protocol", &inbound.protocol, reader->error);
	if (!result)
		result = find_port(merged, &inbound, reader->error);
	if (result)
		return result < 0 ? result : 0;
	if (!inbound.protocol)
		inbound.protocol = "inbound";
	find_names(json_object_get(merged->node.value, "streamSettings"), &inbound);
	return single ? take_client(reader, &inbound, &settings, 0)
		      : take_clients(reader, &inbound, &clients);
}

int v2m_v2ray_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		   struct v2m_error *error)
{
	V2M_CLEANUP(v2m_v2ray_inbounds_clear) struct v2m_v2ray_inbounds inbounds = { 0 };
	struct reader reader = { .keys = keys, .error = error };
	int result = v2m_v2ray_merge(docs, n_docs, &inbounds, error);

	if (result)
		return result;
	for (size_t i = 0; i < inbounds.count && !result; i++)
		result = take_inbound(&reader, &inbounds.items[i]);
	v2m_name_index_clear(&reader.known);
	return result;
}
