// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/api_key_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "json/json_doc.h"

static int hex_digit(char digit)
{
	const char *digits = "0123456789abcdef";
	const char *at = digit ? strchr(digits, digit) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int read_hash(const struct v2m_json_node *parent, struct v2m_api_key *key,
		     struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(parent, "sha256");
	const char *text = json_string_value(node.value);
	bool valid = text && strlen(text) == 2 * (size_t)V2M_SHA256_LEN;

	for (size_t i = 0; valid && i < V2M_SHA256_LEN; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		valid = high >= 0 && low >= 0;
		key->hash[i] = (uint8_t)(high << 4 | low);
	}
	return valid ? 0 : v2m_json_expected(&node, error, "64 lowercase hexadecimal digits");
}

static int read_scopes(const struct v2m_json_node *parent, struct v2m_api_key *key,
		       struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(parent, "scopes");
	int result = v2m_json_array(&list, error);

	for (size_t i = 0; !result && i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		const char *text = json_string_value(item.value);
		unsigned scope = 0;

		if (!text || v2m_scopes_parse(text, &scope))
			return v2m_json_expected(&item, error,
						 "\"read\", \"reset\", \"metrics\" or \"admin\"");
		key->scopes |= scope;
	}
	if (!result && !key->scopes)
		result = v2m_json_expected(&list, error, "a list of at least one scope");
	return result;
}

static int read_name(const struct v2m_json_node *parent, struct v2m_api_key *key,
		     struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(parent, "name");
	const char *text = json_string_value(node.value);

	if (!text || !v2m_api_key_name_is_valid(text))
		return v2m_json_expected(&node, error,
					 "a name of 1 to 64 letters, digits, dots, underscores and "
					 "dashes that is not \"" V2M_SINGLE_KEY_NAME "\"");
	snprintf(key->name, sizeof(key->name), "%s", text);
	return 0;
}

static int read_time(const struct v2m_json_node *parent, struct v2m_api_key *key,
		     struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(parent, "created_at");
	const char *text = json_string_value(node.value);

	if (!node.value)
		return 0;
	if (!text || strlen(text) >= sizeof(key->created_at) ||
	    text[strspn(text, "0123456789-:TZ")])
		return v2m_json_expected(&node, error, "a time such as 2026-01-31T12:00:00Z");
	snprintf(key->created_at, sizeof(key->created_at), "%s", text);
	return 0;
}

static int refuse_double(const struct v2m_json_node *node, const struct v2m_api_keys *keys,
			 const struct v2m_api_key *key, struct v2m_error *error)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (strcmp(keys->items[i].name, key->name) == 0)
			return v2m_json_fail(node, error, "there is another key of this name");
		if (memcmp(keys->items[i].hash, key->hash, sizeof(key->hash)) == 0)
			return v2m_json_fail(node, error, "there is another key of this hash");
	}
	return 0;
}

static int read_key(const struct v2m_json_node *node, struct v2m_api_keys *keys,
		    struct v2m_error *error)
{
	static const char *const members[] = { "name", "scopes", "sha256", "created_at" };
	struct v2m_api_key *key = &keys->items[keys->count];
	int result = v2m_json_object(node, error);

	if (!result)
		result = v2m_json_only(node, members, V2M_ARRAY_LEN(members), error);
	if (!result)
		result = read_name(node, key, error);
	if (!result)
		result = read_scopes(node, key, error);
	if (!result)
		result = read_hash(node, key, error);
	if (!result)
		result = read_time(node, key, error);
	if (!result)
		result = refuse_double(node, keys, key, error);
	if (!result)
		keys->count++;
	return result;
}

static int read_keys(const struct v2m_json_node *root, struct v2m_api_keys *keys,
		     struct v2m_error *error)
{
	static const char *const members[] = { "api_keys" };
	struct v2m_json_node list = v2m_json_member(root, "api_keys");
	int result = v2m_json_object(root, error);

	if (!result)
		result = v2m_json_only(root, members, V2M_ARRAY_LEN(members), error);
	if (!result)
		result = v2m_json_array(&list, error);
	if (!result && json_array_size(list.value) > V2M_NAMED_KEYS_MAX)
		result =
			v2m_json_fail(&list, error, "expected at most %d keys", V2M_NAMED_KEYS_MAX);
	for (size_t i = 0; !result && i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);

		result = read_key(&item, keys, error);
	}
	return result;
}

/* Whether somebody else could make keys. -ENOENT: there is no file. */
static int check_writers(const char *path, struct v2m_error *error)
{
	struct stat status;

	if (lstat(path, &status))
		return v2m_error_set(error, -errno, "%s: cannot read it: %s", path,
				     strerror(errno));
	if (!S_ISREG(status.st_mode) || (status.st_uid != 0 && status.st_uid != geteuid()) ||
	    status.st_mode & 022)
		return v2m_error_set(error, -EINVAL,
				     "%s: expected a regular file of root that nobody else can "
				     "write to: set its mode to 0600",
				     path);
	return 0;
}

static int path_of(const char *state_dir, char path[static PATH_MAX], struct v2m_error *error)
{
	if (snprintf(path, PATH_MAX, "%s/" V2M_API_KEY_FILE, state_dir) >= PATH_MAX)
		return v2m_error_set(error, -ENAMETOOLONG, "%s: the path is too long", state_dir);
	return 0;
}

int v2m_api_key_file_read(const char *state_dir, struct v2m_api_keys *keys, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_api_keys made = { .count = 0 };
	struct v2m_json_node root;
	char path[PATH_MAX];
	int result = path_of(state_dir, path, error);

	if (!result)
		result = check_writers(path, error);
	if (result == -ENOENT) {
		*keys = made;
		return 0;
	}
	if (!result)
		result = v2m_json_doc_load(path, &doc, error);
	if (result)
		return result;
	root = v2m_json_root(&doc);
	result = read_keys(&root, &made, error);
	if (!result)
		*keys = made;
	return result;
}

/* NULL: out of memory. */
static json_t *write_key(const struct v2m_api_key *key)
{
	char hash[2 * V2M_SHA256_LEN + 1];
	json_t *json = json_object();
	json_t *scopes = json_array();

	for (size_t i = 0; i < V2M_SHA256_LEN; i++)
		snprintf(hash + 2 * i, 3, "%02x", key->hash[i]);
	for (unsigned scope = 1; scope <= V2M_SCOPES_ALL; scope <<= 1)
		if (key->scopes & scope)
			json_array_append_new(scopes, json_string(v2m_scope_name(scope)));
	if (json_object_set_new(json, "name", json_string(key->name)) == 0 &&
	    json_object_set(json, "scopes", scopes) == 0 &&
	    json_object_set_new(json, "sha256", json_string(hash)) == 0 &&
	    (!key->created_at[0] ||
	     json_object_set_new(json, "created_at", json_string(key->created_at)) == 0)) {
		json_decref(scopes);
		return json;
	}
	json_decref(scopes);
	json_decref(json);
	return NULL;
}

/* The text of the file; the caller frees it. NULL: out of memory. */
static char *write_keys(const struct v2m_api_keys *keys)
{
	json_t *root = json_object();
	json_t *list = json_array();
	char *text = NULL;
	bool whole = root && list;

	for (size_t i = 0; whole && i < keys->count; i++)
		if (strcmp(keys->items[i].name, V2M_SINGLE_KEY_NAME) != 0)
			whole = json_array_append_new(list, write_key(&keys->items[i])) == 0;
	if (whole && json_object_set(root, "api_keys", list) == 0)
		text = json_dumps(root, JSON_INDENT(2));
	json_decref(list);
	json_decref(root);
	return text;
}

int v2m_api_key_file_write(const char *state_dir, const struct v2m_api_keys *keys,
			   struct v2m_error *error)
{
	V2M_FREE char *text = write_keys(keys);
	char path[PATH_MAX];
	int result = text ? path_of(state_dir, path, error)
			  : v2m_error_set(error, -ENOMEM, "out of memory");

	if (result)
		return result;
	result = v2m_write_file(path, text, strlen(text), 0600);
	return result ? v2m_error_set(error, result, "cannot write %s: %s", path, strerror(-result))
		      : 0;
}
