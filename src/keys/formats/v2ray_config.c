// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/name_index.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/cleanup.h"
#include "keys/formats/v2ray_fronts.h"
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
	const struct v2m_v2ray_fronts *fronts;
	struct v2m_error *error;
};

/* The properties that the keys of one inbound share. */
struct inbound {
	const struct v2m_json_node *node;
	const char *tag; /* NULL if it has none */
	const char *protocol;
	const char *sni;
	const char *short_id;
	/* Its ports: a span for each run of adjacent ports, ascending; at least one. */
	V2M_ARRAY(struct v2m_span) spans;
	size_t first_key; /* the first key that this inbound added to the list */
};

/* A client of an inbound. */
struct client {
	const struct v2m_json_node *node;
	const char *email;
	char identity[IDENTITY_LEN];        /* the text from which its id is made */
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

/* The name of the key for people. */
static char *make_name(const struct inbound *inbound, const struct client *client)
{
	const char *name = client->email ? client->email : inbound->tag;
	char text[IDENTITY_LEN];

	if (name)
		return strdup(name);
	snprintf(text, sizeof(text), "%s-%u", inbound->protocol,
		 inbound->spans.items[0].first_port);
	return strdup(text);
}

static char *copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int add_key(struct reader *reader, const struct inbound *inbound,
		   const struct client *client)
{
	V2M_CLEANUP(v2m_key_clear) struct v2m_key key = { .is_active = true };
	char id[V2M_UUID_LEN];

	if (reader->keys->count >= V2M_V2RAY_MAX_KEYS)
		return v2m_json_fail(inbound->node, reader->error, "expected at most %u keys",
				     V2M_V2RAY_MAX_KEYS);
	v2m_uuid5(client->identity, id);
	key.id = strdup(id);
	key.uuid = strdup(*client->uuid ? client->uuid : id);
	key.name = make_name(inbound, client);
	key.identity = strdup(client->identity);
	key.sni = copy_or_null(inbound->sni);
	key.short_id = copy_or_null(inbound->short_id);
	key.source = strdup(inbound->node->doc->path);
	if (!key.id || !key.uuid || !key.name || !key.identity || !key.source ||
	    v2m_name_index_set(&reader->known, client->identity, reader->keys->count) ||
	    v2m_key_list_add(reader->keys, &key))
		return out_of_memory(reader);
	return 0;
}

/* Adds the ports of the inbound to those of the key. 0 or -ENOMEM. */
static int add_spans_of_inbound(struct v2m_key *key, const struct inbound *inbound)
{
	for (size_t i = 0; i < inbound->spans.count; i++)
		if (v2m_key_add_span(key, &inbound->spans.items[i]))
			return -ENOMEM;
	return 0;
}

/* Whether the identity of the client is only the name of its protocol. */
static bool is_nameless(const struct inbound *inbound, const struct client *client)
{
	return !*client->uuid && !client->email && !inbound->tag;
}

/* Clients without a name in two inbounds may be different ones. So the second one gets the port
 * into its identity. */
static void add_port_to_identity(const struct reader *reader, const struct inbound *inbound,
				 struct client *client)
{
	size_t length = strlen(client->identity);
	size_t index;

	if (v2m_name_index_find(&reader->known, client->identity, &index) &&
	    index < inbound->first_key)
		snprintf(client->identity + length, sizeof(client->identity) - length, ":%u",
			 inbound->spans.items[0].first_port);
}

/* A client that is in several inbounds is one key with the ports of all of them. */
static int take_client(struct reader *reader, const struct inbound *inbound,
		       const struct v2m_json_node *node, size_t place)
{
	struct client client;
	size_t index;
	int result = read_client(inbound, node, place, &client, reader->error);

	if (result)
		return result;
	if (is_nameless(inbound, &client))
		add_port_to_identity(reader, inbound, &client);
	if (!v2m_name_index_find(&reader->known, client.identity, &index)) {
		index = reader->keys->count;
		result = add_key(reader, inbound, &client);
	} else if (index >= inbound->first_key) {
		return v2m_json_fail(client.node, reader->error,
				     "the inbound already has a client with this %s",
				     *client.uuid ? "id" : "email");
	}
	if (result)
		return result;
	return add_spans_of_inbound(&reader->keys->items[index], inbound) ? out_of_memory(reader)
									  : 0;
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

/* Appends a span for each run of adjacent ports. *span has its other members. 0 or -ENOMEM. */
static int append_spans(const struct reader *reader, const struct v2m_port_set *ports,
			struct v2m_span *span, struct inbound *inbound)
{
	unsigned first = 1;
	unsigned last;

	for (; v2m_port_set_next_run(ports, &first, &last); first = last + 1) {
		if (inbound->spans.count == 0)
			span->front_port = v2m_v2ray_front_of_port(reader->fronts, first);
		span->first_port = (uint16_t)first;
		span->last_port = (uint16_t)last;
		if (v2m_array_add(&inbound->spans, *span))
			return -ENOMEM;
	}
	return 0;
}

/* Finds the ports on which clients reach the inbound. 0; 1 if it has no port, or one that is not
 * known; -EINVAL or -ENOMEM. */
static int find_spans(const struct reader *reader, const struct v2m_v2ray_inbound *merged,
		      struct inbound *inbound)
{
	enum v2m_v2ray_listen listens = v2m_v2ray_listens(&merged->node);
	uint16_t front = v2m_v2ray_front_of_socket(reader->fronts, &merged->node);
	struct v2m_span span = {
		.transports = v2m_v2ray_transports(&merged->node),
		.loopback = listens == V2M_LISTEN_LOOPBACK,
	};
	struct v2m_port_set ports;
	int result;

	if (listens == V2M_LISTEN_UNIX && front) {
		/* Its clients arrive at the port of the inbound that leads here. */
		span = (struct v2m_span){ front, front, V2M_TCP, false, 0 };
		return v2m_array_add(&inbound->spans, span);
	}
	if (listens == V2M_LISTEN_UNIX || !span.transports)
		return 1;
	result = v2m_v2ray_ports(&merged->port, &ports, reader->error);
	return result ? result : append_spans(reader, &ports, &span, inbound);
}

static void clear_inbound(struct inbound *inbound)
{
	v2m_array_clear(&inbound->spans);
}

static int take_inbound(struct reader *reader, const struct v2m_v2ray_inbound *merged)
{
	V2M_CLEANUP(clear_inbound)
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
		result = find_spans(reader, merged, &inbound);
	if (result == -ENOMEM)
		return out_of_memory(reader);
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
	V2M_CLEANUP(v2m_v2ray_fronts_clear) struct v2m_v2ray_fronts fronts = { 0 };
	struct reader reader = { .keys = keys, .fronts = &fronts, .error = error };
	int result = v2m_v2ray_merge(docs, n_docs, &inbounds, error);

	if (result)
		return result;
	if (v2m_v2ray_fronts_find(&inbounds, &fronts))
		return out_of_memory(&reader);
	for (size_t i = 0; i < inbounds.count && !result; i++)
		result = take_inbound(&reader, &inbounds.items[i]);
	v2m_name_index_clear(&reader.known);
	return result;
}
