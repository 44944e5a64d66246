// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/setting.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/string_list.h"

static int read_number(const struct v2m_setting *setting, const struct v2m_json_node *node,
		       void *value, struct v2m_error *error)
{
	long long number;
	int result = v2m_json_integer(node, setting->min, setting->max, &number, error);

	if (!result)
		*(unsigned *)value = (unsigned)number;
	return result;
}

static json_t *write_number(const struct v2m_setting *setting, const void *value)
{
	(void)setting;
	return json_integer(*(const unsigned *)value);
}

const struct v2m_setting_type v2m_setting_number = { read_number, write_number, NULL };

static int read_boolean(const struct v2m_setting *setting, const struct v2m_json_node *node,
			void *value, struct v2m_error *error)
{
	(void)setting;
	return v2m_json_boolean(node, value, error);
}

static json_t *write_boolean(const struct v2m_setting *setting, const void *value)
{
	(void)setting;
	return json_boolean(*(const bool *)value);
}

const struct v2m_setting_type v2m_setting_boolean = { read_boolean, write_boolean, NULL };

static int read_choice(const struct v2m_setting *setting, const struct v2m_json_node *node,
		       void *value, struct v2m_error *error)
{
	const char *text = json_string_value(node->value);
	char expected[64];

	for (unsigned i = 0; text && i < V2M_ARRAY_LEN(setting->words); i++) {
		if (!setting->words[i] || strcmp(text, setting->words[i]) != 0)
			continue;
		*(unsigned *)value = i;
		return 0;
	}
	if (setting->words[2])
		snprintf(expected, sizeof(expected), "\"%s\", \"%s\" or \"%s\"", setting->words[0],
			 setting->words[1], setting->words[2]);
	else
		snprintf(expected, sizeof(expected), "\"%s\" or \"%s\"", setting->words[0],
			 setting->words[1]);
	return v2m_json_expected(node, error, expected);
}

static json_t *write_choice(const struct v2m_setting *setting, const void *value)
{
	return json_string(setting->words[*(const unsigned *)value]);
}

const struct v2m_setting_type v2m_setting_choice = { read_choice, write_choice, NULL };

static int read_text(const struct v2m_setting *setting, const struct v2m_json_node *node,
		     void *value, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	char **place = value;
	const char *expected;
	int result = v2m_json_string(node, (size_t)setting->max, &text, error);

	if (result)
		return result;
	expected = setting->required ? setting->required(text) : NULL;
	if (expected)
		return v2m_json_expected(node, error, expected);
	free(*place);
	*place = V2M_TAKE(text);
	return 0;
}

static json_t *write_text(const struct v2m_setting *setting, const void *value)
{
	const char *text = *(char *const *)value;

	(void)setting;
	return text ? json_string(text) : json_null();
}

static json_t *write_secret(const struct v2m_setting *setting, const void *value)
{
	(void)setting;
	return *(char *const *)value ? json_string("(set)") : json_null();
}

static void clear_text(void *value)
{
	char **place = value;

	free(*place);
	*place = NULL;
}

const struct v2m_setting_type v2m_setting_text = { read_text, write_text, clear_text };
const struct v2m_setting_type v2m_setting_secret = { read_text, write_secret, clear_text };

/* A process id may be a number as well as a text, as --check prints it. */
static int read_process(const struct v2m_setting *setting, const struct v2m_json_node *node,
			void *value, struct v2m_error *error)
{
	struct v2m_setting path = *setting;
	char **place = value;
	char *text;
	long long pid;
	int result;

	path.max = PATH_MAX - 1;
	if (!json_is_integer(node->value))
		return read_text(&path, node, value, error);
	result = v2m_json_integer(node, 1, setting->max, &pid, error);
	if (result)
		return result;
	if (asprintf(&text, "%lld", pid) < 0)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	free(*place);
	*place = text;
	return 0;
}

const struct v2m_setting_type v2m_setting_process = { read_process, write_text, clear_text };

static void clear_list(void *value)
{
	v2m_strings_clear(value);
}

static int read_list(const struct v2m_setting *setting, const struct v2m_json_node *node,
		     void *value, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings list = { 0 };
	struct v2m_strings *place = value;

	if (!json_is_array(node->value) || json_array_size(node->value) < (size_t)setting->min)
		return v2m_json_expected(node, error,
					 setting->min ? "a list of at least one string"
						      : "a list of strings");
	for (size_t i = 0; i < json_array_size(node->value); i++) {
		struct v2m_json_node item = v2m_json_item(node, i);
		V2M_FREE char *text = NULL;
		int result = read_text(setting, &item, &text, error);

		if (result)
			return result;
		if (v2m_strings_add(&list, text))
			return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	v2m_strings_clear(place);
	*place = list;
	list = (struct v2m_strings){ 0 };
	return 0;
}

static json_t *write_list(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_strings *strings = value;
	json_t *list = json_array();

	(void)setting;
	for (size_t i = 0; i < strings->count; i++) {
		if (json_array_append_new(list, json_string(strings->items[i])) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

const struct v2m_setting_type v2m_setting_list = { read_list, write_list, clear_list };

static int read_endpoints(const struct v2m_setting *setting, const struct v2m_json_node *node,
			  void *value, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings list = { 0 };
	V2M_FREE char *text = NULL;
	struct v2m_strings *place = value;
	int result;

	if (json_is_array(node->value))
		return read_list(setting, node, value, error);
	if (!json_is_string(node->value))
		return v2m_json_expected(node, error,
					 "an IPv4 address and port, or a list of them");
	result = read_text(setting, node, &text, error);
	if (result)
		return result;
	if (v2m_strings_add(&list, text))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	v2m_strings_clear(place);
	*place = list;
	list = (struct v2m_strings){ 0 };
	return 0;
}

static json_t *write_endpoints(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_strings *strings = value;

	return strings->count == 1 ? json_string(strings->items[0]) : write_list(setting, value);
}

const struct v2m_setting_type v2m_setting_endpoints = { read_endpoints, write_endpoints,
							clear_list };

void v2m_setting_range(const struct v2m_setting *setting, char text[static V2M_SETTING_RANGE_LEN])
{
	text[0] = 0;
	if (setting->type == &v2m_setting_number)
		snprintf(text, V2M_SETTING_RANGE_LEN, "%lld to %lld", setting->min, setting->max);
}
