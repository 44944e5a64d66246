// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "budget/budget_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define VERSION 1

static json_t *make_flow(const struct v2m_budget_flow *flow)
{
	return json_pack("[II]", (json_int_t)flow->rx, (json_int_t)flow->tx);
}

static json_t *make_device(const struct v2m_budget_device *device)
{
	char epoch[2 * V2M_EPOCH_LEN + 1];

	for (size_t i = 0; i < V2M_EPOCH_LEN; i++)
		snprintf(epoch + 2 * i, 3, "%02x", device->epoch[i]);
	return json_pack("{ss sI ss so so}", "name", device->name, "ifindex",
			 (json_int_t)device->ifindex, "epoch", epoch, "seen",
			 make_flow(&device->seen), "keys", make_flow(&device->keys));
}

int v2m_budget_store(const char *path, struct v2m_budget *budget)
{
	json_t *devices = json_array();
	V2M_FREE char *text = NULL;
	json_t *root;
	int result;

	for (size_t i = 0; i < budget->devices.count; i++)
		json_array_append_new(devices, make_device(&budget->devices.items[i]));
	if (json_array_size(devices) != budget->devices.count) {
		json_decref(devices);
		return -ENOMEM;
	}
	root = json_pack("{sI sI sI sI so so so}", "version", (json_int_t)VERSION, "from",
			 (json_int_t)budget->from, "since_us", (json_int_t)budget->since_us,
			 "read_us", (json_int_t)budget->read_us, "customers",
			 make_flow(&budget->customers), "internet", make_flow(&budget->internet),
			 "devices", devices);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	json_decref(root);
	if (!text)
		return -ENOMEM;
	result = v2m_write_file(path, text, strlen(text), 0600);
	if (!result)
		budget->dirty = false;
	return result;
}

static int read_u64(const struct v2m_json_node *node, uint64_t *value, struct v2m_error *error)
{
	long long number;
	int result = v2m_json_integer(node, 0, LLONG_MAX, &number, error);

	*value = result ? 0 : (uint64_t)number;
	return result;
}

static int read_flow(const struct v2m_json_node *parent, const char *name,
		     struct v2m_budget_flow *flow, struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(parent, name);
	struct v2m_json_node rx = v2m_json_item(&list, 0);
	struct v2m_json_node tx = v2m_json_item(&list, 1);
	int result = read_u64(&rx, &flow->rx, error);

	return result ? result : read_u64(&tx, &flow->tx, error);
}

static int read_epoch(const struct v2m_json_node *node, uint8_t epoch[static V2M_EPOCH_LEN],
		      struct v2m_error *error)
{
	const char *text = json_string_value(node->value);

	if (text && strlen(text) != 2 * (size_t)V2M_EPOCH_LEN)
		text = NULL;
	for (size_t i = 0; text && i < V2M_EPOCH_LEN; i++)
		if (sscanf(text + 2 * i, "%2hhx", &epoch[i]) != 1)
			text = NULL;
	return text ? 0 : v2m_json_expected(node, error, "32 hexadecimal digits");
}

static int read_device(const struct v2m_json_node *node, struct v2m_budget_device *device,
		       struct v2m_error *error)
{
	struct v2m_json_node name = v2m_json_member(node, "name");
	struct v2m_json_node ifindex = v2m_json_member(node, "ifindex");
	struct v2m_json_node epoch = v2m_json_member(node, "epoch");
	V2M_FREE char *text = NULL;
	long long number = 0;
	int result = v2m_json_string(&name, sizeof(device->name) - 1, &text, error);

	if (!result)
		result = v2m_json_integer(&ifindex, 1, INT_MAX, &number, error);
	if (!result)
		result = read_epoch(&epoch, device->epoch, error);
	if (!result)
		result = read_flow(node, "seen", &device->seen, error);
	if (!result)
		result = read_flow(node, "keys", &device->keys, error);
	if (result)
		return result;
	snprintf(device->name, sizeof(device->name), "%s", text);
	device->ifindex = (uint32_t)number;
	return 0;
}

static int read_devices(const struct v2m_json_node *root, struct v2m_budget *budget,
			struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(root, "devices");

	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		struct v2m_budget_device device = { 0 };
		int result = read_device(&item, &device, error);

		if (result)
			return result;
		if (v2m_array_add(&budget->devices, device))
			return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	return 0;
}

static int read_root(const struct v2m_json_node *root, struct v2m_budget *budget,
		     struct v2m_error *error)
{
	struct v2m_json_node version = v2m_json_member(root, "version");
	struct v2m_json_node from = v2m_json_member(root, "from");
	struct v2m_json_node since = v2m_json_member(root, "since_us");
	struct v2m_json_node read = v2m_json_member(root, "read_us");
	long long numbers[4];
	int result = v2m_json_integer(&version, VERSION, VERSION, &numbers[0], error);

	if (!result)
		result = v2m_json_integer(&from, 19700101, 99991231, &numbers[1], error);
	if (!result)
		result = v2m_json_integer(&since, 0, LLONG_MAX, &numbers[2], error);
	if (!result)
		result = v2m_json_integer(&read, 0, LLONG_MAX, &numbers[3], error);
	if (!result)
		result = read_flow(root, "customers", &budget->customers, error);
	if (!result)
		result = read_flow(root, "internet", &budget->internet, error);
	if (result)
		return result;
	budget->from = (int32_t)numbers[1];
	budget->since_us = numbers[2];
	budget->read_us = numbers[3];
	return read_devices(root, budget, error);
}

int v2m_budget_load(const char *path, struct v2m_budget *budget, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_budget_clear) struct v2m_budget made = { 0 };
	struct v2m_json_node root;
	int result = v2m_json_doc_load(path, &doc, error);

	if (result == -ENOENT)
		return 0;
	if (result)
		return result;
	root = v2m_json_root(&doc);
	result = read_root(&root, &made, error);
	if (result)
		return result;
	*budget = made;
	made = (struct v2m_budget){ 0 };
	return 0;
}
