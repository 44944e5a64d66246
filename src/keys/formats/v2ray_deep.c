// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_deep.h"

#include <errno.h>
#include <string.h>

/* No file of a proxy is deeper. jansson parses no more than 2,048 levels. */
#define MAX_LEVELS 64

static bool has_member(const struct v2m_json_node *parent, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (v2m_json_member(parent, names[i]).value)
			return true;
	return false;
}

/* V2Ray 5 has lists of bare ids, and other names for the settings of a stream. */
static bool is_inbound_5(const struct v2m_json_node *inbound)
{
	static const char *const helpers[] = { "_tag", "_priority" };
	static const char *const names[] = { "transport", "transportSettings", "securitySettings" };
	struct v2m_json_node settings = v2m_json_member(inbound, "settings");
	struct v2m_json_node users = v2m_json_member(&settings, "users");
	struct v2m_json_node stream = v2m_json_member(inbound, "streamSettings");

	return json_is_string(json_array_get(users.value, 0)) ||
	       has_member(inbound, helpers, V2M_ARRAY_LEN(helpers)) ||
	       has_member(&stream, names, V2M_ARRAY_LEN(names));
}

bool v2m_v2ray_is_form_5(const struct v2m_json_doc *doc)
{
	static const char *const roots[] = { "router", "services", "extension" };
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node list = v2m_json_member(&root, "inbounds");

	if (has_member(&root, roots, V2M_ARRAY_LEN(roots)))
		return true;
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node inbound = v2m_json_item(&list, i);

		if (is_inbound_5(&inbound))
			return true;
	}
	return false;
}

const char *v2m_v2ray_deep_tag(const json_t *inbound)
{
	const json_t *tag = json_object_get(inbound, "tag");

	if (!json_is_string(tag))
		tag = json_object_get(inbound, "_tag");
	return json_string_length(tag) ? json_string_value(tag) : NULL;
}

static int append_items(json_t *target, const json_t *source)
{
	for (size_t i = 0; i < json_array_size(source); i++)
		if (json_array_append_new(target, json_deep_copy(json_array_get(source, i))))
			return -ENOMEM;
	return 0;
}

/* Go has one type for all numbers and one for both booleans. */
static bool is_same_type(const json_t *a, const json_t *b)
{
	return json_typeof(a) == json_typeof(b) || (json_is_number(a) && json_is_number(b)) ||
	       (json_is_boolean(a) && json_is_boolean(b));
}

static int merge_level(json_t *target, const json_t *source, unsigned level);

static int merge_member(json_t *target, const char *name, const json_t *value, unsigned level)
{
	json_t *old = json_object_get(target, name);

	if (json_is_null(value))
		return 0;
	if (old && !json_is_null(old) && !is_same_type(old, value))
		return -EINVAL;
	if (json_is_array(value) && json_is_array(old))
		return append_items(old, value);
	if (json_is_object(value) && json_is_object(old))
		return merge_level(old, value, level + 1);
	return json_object_set_new(target, name, json_deep_copy(value)) ? -ENOMEM : 0;
}

static int merge_level(json_t *target, const json_t *source, unsigned level)
{
	const char *name;
	json_t *value;

	if (level > MAX_LEVELS)
		return -EINVAL;
	json_object_foreach ((json_t *)source, name, value) {
		int result = merge_member(target, name, value, level);

		if (result)
			return result;
	}
	return 0;
}

int v2m_v2ray_deep_merge(json_t *target, const json_t *source)
{
	return merge_level(target, source, 0);
}
