// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/budget_terms.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/json_list.h"

#define NAME_MAX_LEN 255

static const char *const words[V2M_N_BILLED] = {
	[V2M_BILLED_BOTH] = "both",
	[V2M_BILLED_RX] = "rx",
	[V2M_BILLED_TX] = "tx",
	[V2M_BILLED_LARGER] = "larger",
};

const char *v2m_billed_name(enum v2m_billed billed)
{
	return words[billed];
}

static int read_directions(const struct v2m_json_node *root, struct v2m_budget_terms *terms,
			   struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(root, "directions");
	const char *text = json_string_value(node.value);

	if (!node.value)
		return 0;
	for (unsigned i = 0; text && i < V2M_N_BILLED; i++)
		if (strcmp(text, words[i]) == 0) {
			terms->directions = (enum v2m_billed)i;
			return 0;
		}
	return v2m_json_expected(&node, error, "\"both\", \"rx\", \"tx\" or \"larger\"");
}

static int read_devices(const struct v2m_json_node *root, struct v2m_budget_terms *terms,
			struct v2m_error *error)
{
	struct v2m_json_node list = v2m_json_member(root, "devices");

	if (!list.value)
		return 0;
	if (!json_is_array(list.value))
		return v2m_json_expected(&list, error, "a list of names of devices");
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		V2M_FREE char *name = NULL;
		int result = v2m_json_string(&item, NAME_MAX_LEN, &name, error);

		if (result)
			return result;
		if (v2m_strings_add(&terms->devices, name))
			return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	return 0;
}

static int read_numbers(const struct v2m_json_node *root, struct v2m_budget_terms *terms,
			struct v2m_error *error)
{
	struct v2m_json_node bytes = v2m_json_member(root, "bytes");
	struct v2m_json_node day = v2m_json_member(root, "billing_day");
	long long number;
	int result = v2m_json_integer(&bytes, 1, LLONG_MAX, &number, error);

	if (result)
		return result;
	terms->bytes = (uint64_t)number;
	terms->billing_day = 1;
	if (!day.value)
		return 0;
	result = v2m_json_integer(&day, 1, 31, &number, error);
	terms->billing_day = (unsigned)number;
	return result;
}

static void clear_terms(void *value)
{
	struct v2m_budget_terms *terms = value;

	v2m_strings_clear(&terms->devices);
	*terms = (struct v2m_budget_terms){ 0 };
}

static int read_terms(const struct v2m_setting *setting, const struct v2m_json_node *node,
		      void *value, struct v2m_error *error)
{
	static const char *const members[] = { "bytes", "billing_day", "directions", "devices" };
	V2M_CLEANUP(clear_terms) struct v2m_budget_terms made = { .set = true };
	struct v2m_budget_terms *place = value;
	int result = v2m_json_object(node, error);

	(void)setting;
	if (!result)
		result = v2m_json_only(node, members, V2M_ARRAY_LEN(members), error);
	if (!result)
		result = read_numbers(node, &made, error);
	if (!result)
		result = read_directions(node, &made, error);
	if (!result)
		result = read_devices(node, &made, error);
	if (result)
		return result;
	clear_terms(place);
	*place = made;
	made = (struct v2m_budget_terms){ 0 };
	return 0;
}

static json_t *write_terms(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_budget_terms *terms = value;
	json_t *devices;

	(void)setting;
	if (!terms->set)
		return json_null();
	devices = json_array();
	for (size_t i = 0; i < terms->devices.count; i++)
		v2m_json_list_add(&devices, json_string(terms->devices.items[i]));
	return json_pack("{sI sI ss so}", "bytes", (json_int_t)terms->bytes, "billing_day",
			 (json_int_t)terms->billing_day, "directions",
			 v2m_billed_name(terms->directions), "devices", devices);
}

const struct v2m_setting_type v2m_setting_budget = { read_terms, write_terms, clear_terms };
