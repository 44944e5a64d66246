// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_memory.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "json/json_doc.h"
#include "keys/formats/key_file.h"
#include "keys/key_list.h"

static json_t *key_json(const struct v2m_key *key)
{
	json_t *port = key->port ? json_integer(key->port) : json_null();

	return json_pack("{ss ss ss ss? sb so ss? ss? ss sb ss}", "id", key->id, "name", key->name,
			 "uuid", key->uuid, "created_at", key->created_at, "is_active",
			 key->is_active, "port", port, "short_id", key->short_id, "sni", key->sni,
			 "transport", v2m_format_transports(key->transports), "loopback",
			 key->loopback, "source", key->source);
}

int v2m_key_memory_store(const char *path, const struct v2m_keyset *keyset, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	json_t *list = json_array();
	int result = 0;

	for (size_t i = 0; i < keyset->n_keys && !result; i++)
		result = json_array_append_new(list, key_json(&keyset->keys[i]));
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

/* Reads the members that a key file does not have. */
static int read_further(const struct v2m_json_node *node, struct v2m_key *key,
			struct v2m_error *error)
{
	struct v2m_json_node loopback = v2m_json_member(node, "loopback");
	struct v2m_json_node source = v2m_json_member(node, "source");
	int result = v2m_json_boolean(&loopback, &key->loopback, error);

	return result ? result : v2m_json_string(&source, V2M_JSON_MAX_BYTES, &key->source, error);
}

static int read_keys(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
		     struct v2m_error *error)
{
	struct v2m_json_node root = v2m_json_root(doc);
	int result = v2m_json_array(&root, error);

	for (size_t i = 0; i < json_array_size(root.value) && !result; i++) {
		struct v2m_json_node item = v2m_json_item(&root, i);
		V2M_CLEANUP(v2m_key_clear) struct v2m_key key = { 0 };

		result = v2m_key_read(&item, &key, error);
		if (!result)
			result = read_further(&item, &key, error);
		if (!result && v2m_key_list_add(keys, &key))
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
	int result = v2m_json_doc_load(path, &doc, error);

	if (!result)
		result = read_keys(&doc, &keys, error);
	if (!result)
		result = check_unique(&doc, &keys, error);
	if (!result && v2m_key_list_seal(&keys, keyset))
		result = v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	return result;
}
