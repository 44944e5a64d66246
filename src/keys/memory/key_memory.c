// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/memory/key_memory.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/transport.h"
#include "json/json_doc.h"
#include "json/json_list.h"
#include "keys/formats/key_file.h"
#include "keys/key_list.h"

static json_t *spans_json(const struct v2m_key *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < key->n_spans; i++) {
		const struct v2m_span *span = &key->spans[i];

		v2m_json_list_add(&list,
				  json_pack("{si si ss sb si sb sb}", "first", span->first_port,
					    "last", span->last_port, "transport",
					    v2m_format_transports(span->transports), "loopback",
					    span->loopback, "front", span->front_port, "visited",
					    span->visited, "unlisted", span->unlisted));
	}
	return list;
}

static json_t *strings_json(const struct v2m_strings *strings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strings->count; i++)
		v2m_json_list_add(&list, json_string(strings->items[i]));
	return list;
}

/* "port", "transport" and "loopback" are for earlier versions, which count the first port only.
 * They skip members that they do not know. */
static json_t *key_json(const struct v2m_key *key)
{
	uint16_t number = v2m_key_port(key);
	json_t *port = number ? json_integer(number) : json_null();
	unsigned transports = key->n_spans ? key->spans[0].transports : V2M_TCP | V2M_UDP;
	json_t *limit =
		key->terms.limit_bytes ? json_integer((json_int_t)key->terms.limit_bytes) : NULL;
	json_t *expires = key->terms.expires_s ? json_integer(key->terms.expires_s) : NULL;

	return json_pack("{so* so* ss ss ss ss? sb so ss? ss? ss sb ss ss? so so so}",
			 "limit_bytes", limit, "expires_at", expires, "id", key->id, "name",
			 key->name, "uuid", key->uuid, "created_at", key->created_at, "is_active",
			 key->is_active, "port", port, "short_id", key->short_id, "sni", key->sni,
			 "transport", v2m_format_transports(transports), "loopback",
			 key->n_spans && key->spans[0].loopback, "source", key->source, "identity",
			 key->identity, "spans", spans_json(key), "aliases",
			 strings_json(&key->aliases), "emails", strings_json(&key->emails));
}

/* An earlier version reads it as the key that it was. */
static json_t *orphan_json(const struct v2m_key *orphan)
{
	json_t *object = key_json(orphan);

	if (json_object_set_new(object, "orphan", json_true()) == 0)
		return object;
	json_decref(object);
	return NULL;
}

int v2m_key_memory_store(const char *path, const struct v2m_keyset *keyset, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	json_t *list = json_array();
	int result = 0;

	for (size_t i = 0; i < keyset->n_keys && !result; i++)
		result = json_array_append_new(list, key_json(&keyset->keys[i]));
	for (size_t i = 0; i < keyset->n_orphans && !result; i++)
		result = json_array_append_new(list, orphan_json(&keyset->orphans[i]));
	text = result ? NULL : json_dumps(list, JSON_INDENT(1));
	json_decref(list);
	if (!text)
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	result = v2m_write_file(path, text, strlen(text), 0600);
	if (result)
		return v2m_error_set(error, result, "%s: cannot write it: %s", path,
				     strerror(-result));
	return 0;
}

static int read_span(const struct v2m_json_node *node, struct v2m_span *span,
		     struct v2m_error *error)
{
	struct v2m_json_node first = v2m_json_member(node, "first");
	struct v2m_json_node last = v2m_json_member(node, "last");
	struct v2m_json_node loopback = v2m_json_member(node, "loopback");
	struct v2m_json_node visited = v2m_json_member(node, "visited");
	struct v2m_json_node unlisted = v2m_json_member(node, "unlisted");
	struct v2m_json_node front = v2m_json_member(node, "front");
	long long numbers[3];
	int result = v2m_json_integer(&first, 1, 65535, &numbers[0], error);

	if (!result)
		result = v2m_json_integer(&last, numbers[0], 65535, &numbers[1], error);
	if (!result)
		result = v2m_json_integer(&front, 0, 65535, &numbers[2], error);
	if (!result)
		result = v2m_json_boolean(&loopback, &span->loopback, error);
	if (!result && visited.value)
		result = v2m_json_boolean(&visited, &span->visited, error);
	/* An earlier version did not know. */
	span->unlisted = !unlisted.value;
	if (!result && unlisted.value)
		result = v2m_json_boolean(&unlisted, &span->unlisted, error);
	if (!result)
		result = v2m_key_read_transport(node, &span->transports, error);
	if (result)
		return result;
	span->first_port = (uint16_t)numbers[0];
	span->last_port = (uint16_t)numbers[1];
	span->front_port = (uint16_t)numbers[2];
	return 0;
}

static int read_spans(const struct v2m_json_node *object, struct v2m_key *key,
		      struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(object, "spans");
	struct v2m_json_node loopback = v2m_json_member(object, "loopback");

	/* A file of an earlier version has no spans: "port" is the only one. */
	if (!list.value)
		return key->n_spans ? v2m_json_boolean(&loopback, &key->spans[0].loopback, error)
				    : 0;
	if (v2m_json_array(&list, error))
		return -EINVAL;
	key->n_spans = 0;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		struct v2m_span span = { 0 };
		int result = read_span(&item, &span, error);

		if (!result && v2m_key_add_span(key, &span) == -ENOMEM)
			result = v2m_error_set(error, -ENOMEM, "%s: out of memory", list.doc->path);
		if (result)
			return result;
	}
	return 0;
}

/* Reads a list of strings. It is empty if there is no member of that name. */
static int read_strings(const struct v2m_json_node *object, const char *name, size_t max,
			struct v2m_strings *strings, struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(object, name);

	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		V2M_FREE char *text = NULL;
		int result = v2m_json_string(&item, max, &text, error);

		if (!result && v2m_strings_add(strings, text))
			result = v2m_error_set(error, -ENOMEM, "%s: out of memory", list.doc->path);
		if (result)
			return result;
	}
	return 0;
}

/* Reads the members that a key file does not have. */
static int read_own_members(const struct v2m_json_node *node, struct v2m_key *key,
			    struct v2m_error *error)
{
	struct v2m_json_node source = v2m_json_member(node, "source");
	struct v2m_json_node identity = v2m_json_member(node, "identity");
	int result = read_spans(node, key, error);

	if (!result)
		result = read_strings(node, "aliases", V2M_JSON_MAX_STRING, &key->aliases, error);
	if (!result)
		result = read_strings(node, "emails", V2M_JSON_MAX_BYTES, &key->emails, error);
	if (!result && identity.value)
		result = v2m_json_string(&identity, V2M_JSON_MAX_BYTES, &key->identity, error);
	return result ? result : v2m_json_string(&source, V2M_JSON_MAX_BYTES, &key->source, error);
}

static int read_keys(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
		     struct v2m_key_list *orphans, struct v2m_error *error)
{
	struct v2m_json_node root = v2m_json_root(doc);
	int result = v2m_json_array(&root, error);

	for (size_t i = 0; i < json_array_size(root.value) && !result; i++) {
		struct v2m_json_node item = v2m_json_item(&root, i);
		V2M_CLEANUP(v2m_key_clear) struct v2m_key key = { 0 };

		result = v2m_key_read(&item, &key, error);
		if (!result)
			result = read_own_members(&item, &key, error);
		if (!result &&
		    v2m_key_list_add(json_is_true(json_object_get(item.value, "orphan")) ? orphans
											 : keys,
				     &key))
			result = v2m_error_set(error, -ENOMEM, "%s: out of memory", doc->path);
	}
	return result;
}

/* The keys of several sources may share a port, but not an id or a uuid. */
static int check_unique(const struct v2m_json_doc *doc, const struct v2m_key_list *keys,
			struct v2m_error *error)
{
	size_t first;
	size_t second;

	if (v2m_key_list_clash(keys, v2m_key_order_by_id, &first, &second) ||
	    v2m_key_list_clash(keys, v2m_key_order_by_uuid, &first, &second))
		return v2m_error_set(error, -EINVAL, "%s: two keys have the same id or uuid",
				     doc->path);
	return 0;
}

int v2m_key_memory_load(const char *path, struct v2m_keyset **keyset, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list orphans = { 0 };
	V2M_CLEANUP(v2m_keyset_unrefp) struct v2m_keyset *made = NULL;
	int result = v2m_json_doc_load(path, &doc, error);

	if (!result)
		result = read_keys(&doc, &keys, &orphans, error);
	if (!result)
		result = check_unique(&doc, &keys, error);
	if (result)
		return result;
	if (v2m_key_list_seal(&keys, &made) || v2m_key_list_seal_orphans(&orphans, made))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	*keyset = V2M_TAKE(made);
	return 0;
}
