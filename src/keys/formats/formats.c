// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/formats.h"

#include <stdio.h>
#include <string.h>

#include "keys/formats/key_file.h"
#include "keys/formats/panel_db.h"
#include "keys/formats/port_file.h"
#include "keys/formats/v2ray_config.h"

static const char *const json[] = { ".json", ".jsonc", NULL };
/* Xray reads TOML too. We do not, and say so. */
static const char *const configurations[] = { ".json", ".jsonc", ".yaml", ".yml", ".toml", NULL };
static const char *const database[] = { ".db", NULL };
static const char *const none[] = { NULL };

static const char *const key_file_places[] = { "/etc/v2meter/keys.json", NULL };
static const char *const v2ray_places[] = {
	"/root/vpn-server/config",
	"/usr/local/etc/xray",
	"/etc/xray",
	"/etc/xray/conf",
	"/usr/local/x-ui/bin/config.json",
	"/var/lib/marzban/xray_config.json",
	"/etc/v2ray-agent/xray/conf",
	"/opt/hiddify-manager/xray/configs",
	"/usr/local/etc/v2ray",
	"/etc/v2ray",
	"/etc/v2ray/conf",
	"/etc/v2ray-agent/v2ray/conf",
	NULL,
};
static const char *const panel_places[] = { "/root/vpn-server/data/vpn.db", NULL };

#define LIST(name) offsetof(struct v2m_gathered, name)

static const struct v2m_key_format formats[] = {
	{
		.kind = "key file",
		.description = "a key file (a list)",
		.endings = json,
		.places = key_file_places,
		.list = LIST(customers),
		.is_document = v2m_key_file_is_document,
		.is_ours = v2m_key_file_has_keys,
		.read_document = v2m_key_file_read,
	},
	{
		.kind = "port file",
		.description = "a port file (port_assignments)",
		.endings = json,
		.places = none,
		.list = LIST(assignments),
		.is_document = v2m_port_file_is_document,
		.read_document = v2m_port_file_read,
	},
	{
		.kind = "V2Ray configuration",
		.description = "a V2Ray or Xray configuration (inbounds)",
		.endings = configurations,
		.places = v2ray_places,
		.list = LIST(clients),
		.is_document = v2m_v2ray_is_config,
		.read_documents = v2m_v2ray_read,
	},
	{
		.kind = "panel database",
		.description = "a panel's database",
		.endings = database,
		.places = panel_places,
		.list = LIST(customers),
		.magic = V2M_PANEL_DB_MAGIC,
		.magic_length = sizeof(V2M_PANEL_DB_MAGIC),
		.read_file = v2m_panel_db_read,
	},
};

const struct v2m_key_format *v2m_key_formats(size_t *count)
{
	*count = V2M_ARRAY_LEN(formats);
	return formats;
}

const struct v2m_key_format *v2m_key_format_of_document(const json_t *root)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(formats); i++)
		if (formats[i].is_document && formats[i].is_document(root))
			return &formats[i];
	return NULL;
}

const struct v2m_key_format *v2m_key_format_of_bytes(const char *start, size_t length)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(formats); i++)
		if (formats[i].magic && length >= formats[i].magic_length &&
		    memcmp(start, formats[i].magic, formats[i].magic_length) == 0)
			return &formats[i];
	return NULL;
}

static bool is_one_of(const char *ending, const char *const *endings)
{
	for (; *endings; endings++)
		if (strcmp(ending, *endings) == 0)
			return true;
	return false;
}

bool v2m_key_format_has_ending(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < V2M_ARRAY_LEN(formats); i++)
		if (is_one_of(dot, formats[i].endings))
			return true;
	return false;
}

int v2m_key_format_endings(struct v2m_strings *endings)
{
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(formats) && !result; i++)
		for (size_t k = 0; formats[i].endings[k] && !result; k++)
			result = v2m_strings_add(endings, formats[i].endings[k]);
	return result;
}

void v2m_key_format_descriptions(char text[static V2M_KEY_FORMAT_DESCRIPTIONS_LEN])
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < V2M_ARRAY_LEN(formats) && used < V2M_KEY_FORMAT_DESCRIPTIONS_LEN;
	     i++) {
		const char *separator = !i ? "" : i + 1 < V2M_ARRAY_LEN(formats) ? ", " : ", or ";

		used += (size_t)snprintf(text + used, V2M_KEY_FORMAT_DESCRIPTIONS_LEN - used,
					 "%s%s", separator, formats[i].description);
	}
}
