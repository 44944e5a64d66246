// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/formats.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/formats/hysteria_config.h"
#include "keys/formats/key_file.h"
#include "keys/formats/marzban_db.h"
#include "keys/formats/panel_db.h"
#include "keys/formats/port_file.h"
#include "keys/formats/singbox_config.h"
#include "keys/formats/sui_db.h"
#include "keys/formats/v2ray_config.h"
#include "keys/formats/xui_db.h"

static const char *const json[] = { ".json", ".jsonc", NULL };
/* Xray reads TOML too. We do not, and say so. */
static const char *const configurations[] = { ".json", ".jsonc", ".yaml", ".yml", ".toml", NULL };
static const char *const yaml[] = { ".json", ".yaml", ".yml", NULL };
static const char *const databases[] = { ".db", ".sqlite3", NULL };
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
static const char *const singbox_places[] = { "/etc/sing-box", "/etc/sing-box/conf",
					      "/usr/local/etc/sing-box", NULL };
static const char *const hysteria_places[] = { "/etc/hysteria/config.yaml", NULL };
static const char *const panel_places[] = { "/root/vpn-server/data/vpn.db", NULL };
static const char *const xui_places[] = { "/etc/x-ui/x-ui.db", NULL };
static const char *const sui_places[] = { "/usr/local/s-ui/db/s-ui.db", NULL };
static const char *const marzban_places[] = { "/var/lib/marzban/db.sqlite3", NULL };
static const char *const pasarguard_places[] = { "/var/lib/pasarguard/db.sqlite3", NULL };

/* The database's reader reads this file, and gives its inbounds their users. */
static const char *const marzban_config[] = { "/var/lib/marzban/xray_config.json", NULL };

static const char *const panel_columns[] = { "keys", "uuid", NULL };
static const char *const xui_columns[] = { "inbounds", "stream_settings", "inbounds", "settings",
					   NULL };
static const char *const sui_columns[] = { "inbounds", "options", "clients", "config", NULL };
static const char *const marzban_columns[] = { "proxies", "settings", "users", "username", NULL };
static const char *const pasarguard_columns[] = { "core_configs", "config", "users",
						  "proxy_settings", NULL };

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
		.kind = "sing-box configuration",
		.description = "a sing-box configuration",
		.endings = json,
		.places = singbox_places,
		.list = LIST(clients),
		.is_document = v2m_singbox_is_config,
		.read_documents = v2m_singbox_read,
	},
	{
		.kind = "Hysteria configuration",
		.description = "a Hysteria 2 configuration",
		.endings = yaml,
		.places = hysteria_places,
		.list = LIST(clients),
		.is_document = v2m_hysteria_is_config,
		.read_documents = v2m_hysteria_read,
	},
	{
		.kind = "V2Ray configuration",
		.description = "a V2Ray or Xray configuration (inbounds)",
		.endings = configurations,
		.places = v2ray_places,
		.list = LIST(clients),
		.has_api = true,
		.is_document = v2m_v2ray_is_config,
		.read_documents = v2m_v2ray_read,
	},
	{
		.kind = "x-ui database",
		.description = "the database of x-ui",
		.endings = databases,
		.places = xui_places,
		.list = LIST(clients),
		.is_database = true,
		.columns = xui_columns,
		.read_database = v2m_xui_db_read,
	},
	{
		.kind = "s-ui database",
		.description = "of s-ui",
		.endings = databases,
		.places = sui_places,
		.list = LIST(clients),
		.is_database = true,
		.columns = sui_columns,
		.read_database = v2m_sui_db_read,
	},
	{
		.kind = "PasarGuard database",
		.description = "of PasarGuard",
		.endings = databases,
		.places = pasarguard_places,
		.list = LIST(clients),
		.is_database = true,
		.columns = pasarguard_columns,
		.read_database = v2m_pasarguard_db_read,
	},
	{
		.kind = "Marzban database",
		.description = "of Marzban",
		.endings = databases,
		.places = marzban_places,
		.instead_of = marzban_config,
		.list = LIST(clients),
		.is_database = true,
		.columns = marzban_columns,
		.config_beside = "xray_config.json",
		.read_database = v2m_marzban_db_read,
	},
	{
		.kind = "panel database",
		.description = "another panel's database",
		.endings = databases,
		.places = panel_places,
		.list = LIST(customers),
		.is_database = true,
		.columns = panel_columns,
		.read_database = v2m_panel_db_read,
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

static bool has_columns(struct v2m_database *database, const char *const *columns)
{
	for (; *columns; columns += 2)
		if (!v2m_database_has(database, columns[0], columns[1]))
			return false;
	return true;
}

const struct v2m_key_format *v2m_key_format_of_database(struct v2m_database *database)
{
	for (size_t i = 0; i < V2M_ARRAY_LEN(formats); i++)
		if (formats[i].is_database && has_columns(database, formats[i].columns))
			return &formats[i];
	return NULL;
}

static bool exists(const char *root, const char *place)
{
	char path[PATH_MAX];
	struct stat info;

	/* access(2) would ask for the real user, who may not search the directory. */
	snprintf(path, sizeof(path), "%s%s", root ? root : "", place);
	return stat(path, &info) == 0;
}

bool v2m_key_place_is_replaced(const char *root, const char *path)
{
	const char *place = path + (root ? strlen(root) : 0);

	for (size_t i = 0; i < V2M_ARRAY_LEN(formats); i++) {
		const char *const *other = formats[i].instead_of;

		for (; other && *other; other++)
			if (strcmp(*other, place) == 0 && exists(root, formats[i].places[0]))
				return true;
	}
	return false;
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
