/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads, writes and clears a struct by a table with a row for each of its settings. */
#ifndef V2METER_CONFIG_SETTING_TABLE_H
#define V2METER_CONFIG_SETTING_TABLE_H

#include "config/setting.h"

struct v2m_setting_table {
	const struct v2m_setting *rows;
	size_t count; /* at most V2M_SETTING_TABLE_MAX */
};

#define V2M_SETTING_TABLE_MAX 64

/* Sets all members of an object of zeros to their defaults, which are read like those of a file. 0,
 * or -errno with *error. */
int v2m_settings_preset(const struct v2m_setting_table *table, void *object,
			struct v2m_error *error);
/* Reads a JSON object, and refuses members that the table does not have. Settings without a member
 * keep their value. 0, or -errno with *error; some settings may have changed then. */
int v2m_settings_read(const struct v2m_setting_table *table, const struct v2m_json_node *node,
		      void *object, struct v2m_error *error);
/* Frees what the settings own and sets them to zeros. */
void v2m_settings_clear(const struct v2m_setting_table *table, void *object);
/* As a JSON object. NULL: out of memory. */
json_t *v2m_settings_write(const struct v2m_setting_table *table, const void *object);

#endif
