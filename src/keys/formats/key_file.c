// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/key_file.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/key_clash.h"
#include "base/uuid.h"
#include "base/transport.h"
#include "base/calendar.h"
#include "base/cleanup.h"
#include "base/log.h"

/* Leaves *value NULL for a missing member or null. If it may be empty, "" is the same. */
static int optional_string(const struct v2m_json_node *key, const char *name, bool may_be_empty,
			   char **value, struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(key, name);

	if (!node.value)
		return 0;
	if (may_be_empty && json_is_string(node.value) && json_string_length(node.value) == 0)
		return 0;
	return v2m_json_string(&node, V2M_JSON_MAX_STRING, value, error);
}

int v2m_key_read_transport(const struct v2m_json_node *key, unsigned *transports,
			   struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(key, "transport");
	const char *text = json_string_value(node.value);

	if (!node.value || (text && strcmp(text, "both") == 0))
		*transports = V2M_TCP | V2M_UDP;
	else if (text && strcmp(text, "tcp") == 0)
		*transports = V2M_TCP;
	else if (text && strcmp(text, "udp") == 0)
		*transports = V2M_UDP;
	else
		return v2m_json_expected(&node, error, "\"tcp\", \"udp\" or \"both\"");
	return 0;
}

/* Adds one element of "ports". */
static int add_ports(const struct v2m_json_node *node, struct v2m_key *key, const char *text,
		     struct v2m_error *error)
{
	struct v2m_span span = { .transports = key->transports };
	int result;

	if (!v2m_span_parse(text, &span))
		return v2m_json_expected(node, error,
					 "a port from 1 to 65535 or a range \"20000-50000\", "
					 "either one also with \"/tcp\" or \"/udp\" at its end");
	result = v2m_key_add_span(key, &span);
	if (result == -ENOSPC)
		return v2m_json_fail(node, error, "expected at most %d ports and ranges",
				     V2M_MAX_KEY_SPANS);
	return result ? v2m_error_set(error, result, "%s: out of memory", node->doc->path) : 0;
}

/* Reads "ports": a list of numbers, and of strings that v2m_span_parse() accepts. */
static int read_ports(const struct v2m_json_node *object, struct v2m_key *key,
		      struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(object, "ports");
	int result = 0;

	if (!list.value)
		return 0;
	if (!json_is_array(list.value))
		return v2m_json_expected(&list, error, "a list of ports and ranges");
	for (size_t i = 0; i < json_array_size(list.value) && !result; i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		char number[24];

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(item.value));
		result = add_ports(&item, key,
				   json_is_string(item.value)    ? json_string_value(item.value)
				   : json_is_integer(item.value) ? number
								 : "",
				   error);
	}
	return result;
}

/* Moves the span at that index to the front: consumers take its first port for "port". */
static void move_to_front(struct v2m_key *key, size_t index)
{
	const struct v2m_span span = key->spans[index];

	memmove(key->spans + 1, key->spans, index * sizeof(span));
	key->spans[0] = span;
}

/* Reads "port", after "ports", which may name the same port again, alone or as the start of a
 * range, as in our own answers. */
static int read_port(const struct v2m_json_node *object, struct v2m_key *key,
		     struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(object, "port");
	long long value;
	int result;

	if (!node.value)
		return 0;
	result = v2m_json_integer(&node, 1, 65535, &value, error);
	if (result)
		return result;
	for (size_t i = 0; i < key->n_spans; i++)
		if (key->spans[i].first_port == value) {
			move_to_front(key, i);
			return 0;
		}
	if (v2m_key_add_port(key, (uint16_t)value))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", node.doc->path);
	move_to_front(key, key->n_spans - 1);
	return 0;
}

static int read_active(const struct v2m_json_node *key, bool *is_active, struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(key, "is_active");

	*is_active = true;
	return node.value ? v2m_json_boolean(&node, is_active, error) : 0;
}

/* Reads a time in Unix seconds or as a text. */
static int read_expiry(const struct v2m_json_node *node, int64_t *expires_s,
		       struct v2m_error *error)
{
	long long seconds;
	int result;

	if (!node->value || (json_is_string(node->value) && json_string_length(node->value) == 0))
		return 0;
	if (json_is_string(node->value)) {
		if (v2m_time_parse(json_string_value(node->value), expires_s) == 0)
			return 0;
		return v2m_json_expected(node, error,
					 "Unix seconds, or a time such as \"2026-08-04\" or "
					 "\"2026-08-04T12:00:00Z\"");
	}
	result = v2m_json_integer(node, 1, V2M_TIME_MAX_S, &seconds, error);
	if (!result)
		*expires_s = seconds;
	return result;
}

/* A limit or an expiry that cannot be read is left out, with a warning: other programs may have
 * members of these names in another form, and alerts are no reason not to count. */
static void read_terms(const struct v2m_json_node *key, struct v2m_key_terms *terms)
{
	struct v2m_json_node limit = v2m_json_member(key, "limit_bytes");
	struct v2m_json_node expiry = v2m_json_member(key, "expires_at");
	struct v2m_error error = { 0 };
	long long bytes = 0;

	if (limit.value && v2m_json_integer(&limit, 0, LLONG_MAX, &bytes, &error))
		v2m_log_warning("%s: the key has no limit", error.text);
	else
		terms->limit_bytes = (uint64_t)bytes;
	if (read_expiry(&expiry, &terms->expires_s, &error))
		v2m_log_warning("%s: the key has no expiry", error.text);
}

static int read_members(const struct v2m_json_node *node, struct v2m_key *key,
			struct v2m_error *error)
{
	struct v2m_json_node uuid = v2m_json_member(node, "uuid");
	int result = v2m_json_object(node, error);

	if (!result)
		result = v2m_json_string(&uuid, V2M_JSON_MAX_STRING, &key->uuid, error);
	if (!result)
		result = optional_string(node, "id", false, &key->id, error);
	if (!result)
		result = optional_string(node, "name", false, &key->name, error);
	if (!result)
		result = optional_string(node, "created_at", true, &key->created_at, error);
	if (!result)
		result = optional_string(node, "short_id", true, &key->short_id, error);
	if (!result)
		result = optional_string(node, "sni", true, &key->sni, error);
	if (!result)
		result = read_active(node, &key->is_active, error);
	if (!result)
		result = v2m_key_read_transport(node, &key->transports, error);
	if (!result)
		result = read_ports(node, key, error);
	if (!result)
		result = read_port(node, key, error);
	if (!result)
		read_terms(node, &key->terms);
	return result;
}

int v2m_key_complete(struct v2m_key *key, const char *source)
{
	if (!key->id) {
		char id[V2M_UUID_LEN];

		v2m_uuid_key_id(key->uuid, id);
		key->id = strdup(id);
	}
	if (!key->name && key->id)
		key->name = strdup(key->id);
	free(key->source);
	key->source = strdup(source);
	return key->id && key->name && key->source ? 0 : -ENOMEM;
}

int v2m_key_read(const struct v2m_json_node *node, struct v2m_key *key, struct v2m_error *error)
{
	int result = read_members(node, key, error);

	if (!result && v2m_key_complete(key, node->doc->path))
		result = v2m_error_set(error, -ENOMEM, "%s: out of memory", node->doc->path);
	return result;
}

static int read_key(const struct v2m_json_node *node, struct v2m_key_list *keys,
		    struct v2m_error *error)
{
	V2M_CLEANUP(v2m_key_clear) struct v2m_key key = { 0 };
	int result = v2m_key_read(node, &key, error);

	if (result)
		return result;
	if (v2m_key_list_add(keys, &key))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", node->doc->path);
	return 0;
}

/* Names the key that clashes and the line of the earlier one. It does not show a uuid. */
static int refuse_clash(const struct v2m_json_node *root, const struct v2m_key_list *keys,
			const char *member, v2m_key_order order, struct v2m_error *error)
{
	struct v2m_json_node earlier;
	struct v2m_json_node later;
	struct v2m_json_node node;
	char what[280] = "this uuid";
	size_t first;
	size_t second;
	int result = v2m_key_list_clash(keys, order, &first, &second);

	if (result < 0)
		return v2m_error_set(error, result, "%s: out of memory", root->doc->path);
	if (result == 0)
		return 0;
	earlier = v2m_json_item(root, first);
	later = v2m_json_item(root, second);
	node = v2m_json_member(&later, member);
	if (strcmp(member, "id") == 0)
		snprintf(what, sizeof(what), "the id %s", keys->items[second].id);
	return v2m_json_fail(&node, error, "%s already belongs to the key on line %u", what,
			     v2m_json_node_place(&earlier).line);
}

/* A consumer that asks for one of two such keys would get the other one. */
static int refuse_crossed(const struct v2m_json_node *root, const struct v2m_key_list *keys,
			  struct v2m_error *error)
{
	struct v2m_json_node earlier;
	struct v2m_json_node later;
	size_t first;
	size_t second;
	int result = v2m_key_clash_find_crossed(keys, &first, &second);

	if (result < 0)
		return v2m_error_set(error, result, "%s: out of memory", root->doc->path);
	if (result == 0)
		return 0;
	earlier = v2m_json_item(root, first);
	later = v2m_json_item(root, second);
	return v2m_json_fail(&later, error,
			     "the id of this key is the uuid of the key on line %u, or the other "
			     "way round",
			     v2m_json_node_place(&earlier).line);
}

/* Names the port that two keys use by the same transport, and the line of the earlier key. */
static int refuse_port_clash(const struct v2m_json_node *root, const struct v2m_key_list *keys,
			     struct v2m_error *error)
{
	struct v2m_json_node earlier;
	struct v2m_json_node later;
	struct v2m_json_node node;
	size_t first;
	size_t second;
	uint16_t port;
	int result = v2m_key_list_port_clash(keys, &first, &second, &port);

	if (result < 0)
		return v2m_error_set(error, result, "%s: out of memory", root->doc->path);
	if (result == 0)
		return 0;
	earlier = v2m_json_item(root, first);
	later = v2m_json_item(root, second);
	node = v2m_json_member(&later, "port");
	if (!node.value)
		node = v2m_json_member(&later, "ports");
	return v2m_json_fail(&node, error, "port %u already belongs to the key on line %u", port,
			     v2m_json_node_place(&earlier).line);
}

bool v2m_key_file_is_document(const json_t *root)
{
	return json_is_array(root);
}

bool v2m_key_file_has_keys(const json_t *root)
{
	for (size_t i = 0; i < json_array_size(root); i++)
		if (json_object_get(json_array_get(root, i), "uuid"))
			return true;
	return false;
}

int v2m_key_file_read(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
		      struct v2m_error *error)
{
	struct v2m_json_node root = v2m_json_root(doc);
	int result;

	if (!json_is_array(root.value))
		return v2m_json_expected(&root, error, "a list of keys");
	if (json_array_size(root.value) > V2M_MAX_KEYS)
		return v2m_json_fail(&root, error, "expected at most %u keys", V2M_MAX_KEYS);
	for (size_t i = 0; i < json_array_size(root.value); i++) {
		struct v2m_json_node item = v2m_json_item(&root, i);

		result = read_key(&item, keys, error);
		if (result)
			return result;
	}
	result = refuse_clash(&root, keys, "uuid", v2m_key_order_by_uuid, error);
	if (!result)
		result = refuse_clash(&root, keys, "id", v2m_key_order_by_id, error);
	if (!result)
		result = refuse_crossed(&root, keys, error);
	if (!result)
		result = refuse_port_clash(&root, keys, error);
	return result;
}
