// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/setting_table.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static void *value_of(const struct v2m_setting *setting, void *object)
{
	return (char *)object + setting->offset;
}

static int read_setting(const struct v2m_setting *setting, const struct v2m_json_node *node,
			void *object, struct v2m_error *error)
{
	if (!node->value && strcmp(setting->preset, "null") == 0)
		return 0;
	return setting->type->read(setting, node, value_of(setting, object), error);
}

static int preset_one(const struct v2m_setting *setting, void *object, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_json_node root;
	int result = v2m_json_doc_parse(setting->name, setting->preset, strlen(setting->preset),
					V2M_JSON_STRICT, &doc, error);

	if (result)
		return result;
	root = v2m_json_root(&doc);
	if (json_is_null(root.value))
		root.value = NULL;
	return read_setting(setting, &root, object, error);
}

int v2m_settings_preset(const struct v2m_setting_table *table, void *object,
			struct v2m_error *error)
{
	int result = 0;

	for (size_t i = 0; i < table->count && !result; i++)
		result = preset_one(&table->rows[i], object, error);
	return result;
}

int v2m_settings_read(const struct v2m_setting_table *table, const struct v2m_json_node *node,
		      void *object, struct v2m_error *error)
{
	const char *names[V2M_SETTING_TABLE_MAX];
	int result = v2m_json_object(node, error);

	if (table->count > V2M_SETTING_TABLE_MAX)
		return v2m_error_set(error, -E2BIG, "more than %d settings", V2M_SETTING_TABLE_MAX);
	for (size_t i = 0; i < table->count; i++)
		names[i] = table->rows[i].name;
	if (!result)
		result = v2m_json_only(node, names, table->count, error);
	for (size_t i = 0; i < table->count && !result; i++) {
		struct v2m_json_node member = v2m_json_member(node, names[i]);

		if (json_object_get(node->value, names[i]))
			result = read_setting(&table->rows[i], &member, object, error);
	}
	return result;
}

void v2m_settings_clear(const struct v2m_setting_table *table, void *object)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].type->clear)
			table->rows[i].type->clear(value_of(&table->rows[i], object));
}

json_t *v2m_settings_write(const struct v2m_setting_table *table, const void *object)
{
	json_t *json = json_object();

	for (size_t i = 0; i < table->count; i++) {
		const struct v2m_setting *setting = &table->rows[i];
		const void *value = (const char *)object + setting->offset;

		if (json_object_set_new(json, setting->name,
					setting->type->write(setting, value)) == 0)
			continue;
		json_decref(json);
		return NULL;
	}
	return json;
}
