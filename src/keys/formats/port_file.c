// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/port_file.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define MEMBER "port_assignments"

static int read_assignment(const struct v2m_json_node *node, const char *uuid,
			   struct v2m_key_list *assignments, struct v2m_error *error)
{
	struct v2m_json_node port = v2m_json_member(node, "port");
	V2M_CLEANUP(v2m_key_clear) struct v2m_key entry = { .transports = V2M_TCP | V2M_UDP };
	long long number;
	int result = v2m_json_object(node, error);

	if (result)
		return result;
	if (*uuid == 0 || strlen(uuid) > V2M_JSON_MAX_STRING)
		return v2m_json_fail(node, error, "expected a uuid of 1 to %d bytes as the name",
				     V2M_JSON_MAX_STRING);
	if (!port.value)
		return 0;
	result = v2m_json_integer(&port, 1, 65535, &number, error);
	if (result)
		return result;
	entry.uuid = strdup(uuid);
	entry.source = strdup(node->doc->path);
	if (!entry.uuid || !entry.source || v2m_key_add_port(&entry, (uint16_t)number) ||
	    v2m_key_list_add(assignments, &entry))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", node->doc->path);
	return 0;
}

static int refuse_clash(const struct v2m_json_node *list, const struct v2m_key_list *assignments,
			v2m_key_order order, const char *what, struct v2m_error *error)
{
	struct v2m_json_node earlier;
	struct v2m_json_node later;
	size_t first;
	size_t second;
	int result = v2m_key_list_clash(assignments, order, &first, &second);

	if (result < 0)
		return v2m_error_set(error, result, "%s: out of memory", list->doc->path);
	if (result == 0)
		return 0;
	earlier = v2m_json_hidden_member(list, assignments->items[first].uuid);
	later = v2m_json_hidden_member(list, assignments->items[second].uuid);
	return v2m_json_fail(&later, error, "this %s is already on line %u", what,
			     v2m_json_node_place(&earlier).line);
}

bool v2m_port_file_is_document(const json_t *root)
{
	return json_object_get(root, MEMBER) != NULL;
}

int v2m_port_file_read(const struct v2m_json_doc *doc, struct v2m_key_list *assignments,
		       struct v2m_error *error)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node list = v2m_json_member(&root, MEMBER);
	int result = v2m_json_object(&list, error);
	const char *uuid;
	json_t *value;

	if (!result && json_object_size(list.value) > V2M_MAX_KEYS)
		result = v2m_json_fail(&list, error, "expected at most %u ports", V2M_MAX_KEYS);
	if (result)
		return result;
	json_object_foreach (list.value, uuid, value) {
		struct v2m_json_node node = v2m_json_hidden_member(&list, uuid);

		result = read_assignment(&node, uuid, assignments, error);
		if (result)
			return result;
	}
	result = refuse_clash(&list, assignments, v2m_key_order_by_uuid, "uuid", error);
	return result;
}
