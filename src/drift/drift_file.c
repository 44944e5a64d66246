// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "drift/drift_file.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/macros.h"
#include "json/json_doc.h"

#define VERSION      1
#define NAME_MAX_LEN 4096

static json_t *make_bytes(const struct v2m_drift_bytes *bytes)
{
	return json_pack("[IIII]", (json_int_t)bytes->proxy_rx, (json_int_t)bytes->proxy_tx,
			 (json_int_t)bytes->our_rx, (json_int_t)bytes->our_tx);
}

static json_t *make_entry(const struct v2m_drift_entry *entry)
{
	return json_pack("{ss ss sI sI sI sI sI sb sb so so}", "id", entry->id, "name", entry->name,
			 "since_us", (json_int_t)entry->since_us, "drifts_since_us",
			 (json_int_t)entry->drifts_since_us, "moved_us",
			 (json_int_t)entry->moved_us, "ahead_since_us",
			 (json_int_t)entry->ahead_since_us, "fell_us", (json_int_t)entry->fell_us,
			 "is_unknown", (int)entry->is_unknown, "resets", (int)entry->resets,
			 "start", make_bytes(&entry->start), "since", make_bytes(&entry->since));
}

/* Entries whose comparison has hardly begun are left out: they begin anew. */
int v2m_drift_store(const char *path, const struct v2m_drift *drift)
{
	json_t *entries = json_array();
	V2M_FREE char *text = NULL;
	json_t *root;
	int result = entries ? 0 : -ENOMEM;

	for (size_t i = 0; i < drift->count && !result; i++)
		if (drift->items[i].n_comparisons >= 2 &&
		    json_array_append_new(entries, make_entry(&drift->items[i])))
			result = -ENOMEM;
	if (result) {
		json_decref(entries);
		return result;
	}
	root = json_pack("{sI so}", "version", (json_int_t)VERSION, "keys", entries);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text ? v2m_write_file(path, text, strlen(text), 0600) : -ENOMEM;
}

static int read_bytes(const struct v2m_json_node *parent, const char *name,
		      struct v2m_drift_bytes *bytes, struct v2m_error *error)
{
	uint64_t *const numbers[] = { &bytes->proxy_rx, &bytes->proxy_tx, &bytes->our_rx,
				      &bytes->our_tx };
	struct v2m_json_node list = v2m_json_member(parent, name);
	int result = 0;

	for (size_t i = 0; i < 4 && !result; i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		long long number = 0;

		/* The start may be below zero: see struct v2m_drift_entry. */
		result = v2m_json_integer(&item, LLONG_MIN, LLONG_MAX, &number, error);
		*numbers[i] = (uint64_t)number;
	}
	return result;
}

static int read_times(const struct v2m_json_node *node, struct v2m_drift_entry *entry,
		      struct v2m_error *error)
{
	static const char *const names[] = { "since_us", "drifts_since_us", "moved_us",
					     "ahead_since_us", "fell_us" };
	int64_t *const times[] = { &entry->since_us, &entry->drifts_since_us, &entry->moved_us,
				   &entry->ahead_since_us, &entry->fell_us };
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(names) && !result; i++) {
		struct v2m_json_node member = v2m_json_member(node, names[i]);
		long long number = 0;

		/* Earlier versions did not have the last one. */
		if (!member.value && times[i] == &entry->fell_us)
			continue;

		result = v2m_json_integer(&member, 0, LLONG_MAX, &number, error);
		*times[i] = number;
	}
	return result;
}

/* Adds the entry even if it is wrong: the drift is cleared then. */
static int read_entry(const struct v2m_json_node *node, struct v2m_drift *drift,
		      struct v2m_error *error)
{
	struct v2m_json_node id = v2m_json_member(node, "id");
	struct v2m_json_node name = v2m_json_member(node, "name");
	struct v2m_drift_entry *entry = v2m_array_append(drift);
	int result;

	if (!entry)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	entry->n_comparisons = 2;
	entry->is_unknown = json_is_true(v2m_json_member(node, "is_unknown").value);
	entry->resets = json_is_true(v2m_json_member(node, "resets").value);
	result = v2m_json_string(&id, NAME_MAX_LEN, &entry->id, error);
	if (!result)
		result = v2m_json_string(&name, NAME_MAX_LEN, &entry->name, error);
	if (!result)
		result = read_times(node, entry, error);
	if (!result)
		result = read_bytes(node, "start", &entry->start, error);
	return result ? result : read_bytes(node, "since", &entry->since, error);
}

int v2m_drift_load(const char *path, struct v2m_drift *drift, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_json_node root;
	struct v2m_json_node version;
	struct v2m_json_node keys;
	long long number;
	int result = v2m_json_doc_load(path, &doc, error);

	if (result)
		return result == -ENOENT ? 0 : result;
	root = v2m_json_root(&doc);
	version = v2m_json_member(&root, "version");
	keys = v2m_json_member(&root, "keys");
	result = v2m_json_integer(&version, VERSION, VERSION, &number, error);
	for (size_t i = 0; i < json_array_size(keys.value) && !result; i++) {
		struct v2m_json_node item = v2m_json_item(&keys, i);

		result = read_entry(&item, drift, error);
	}
	if (result)
		v2m_drift_clear(drift);
	return result;
}
