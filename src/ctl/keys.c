// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/keys.h"

#include <string.h>

#include "ctl/fallback.h"
#include "ctl/ports.h"
#include "ctl/render.h"
#include "ctl/text.h"
#include "ctl/text_table.h"

static const char *text_member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

static enum v2m_outcome print_keys(const struct v2m_ctl *ctl, const json_t *keys)
{
	static const struct v2m_text_column columns[] = {
		{ "PORT", true }, { "NAME", false },    { "ACTIVE", false },
		{ "ID", false },  { "CREATED", false },
	};
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));
	json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		char ports[V2M_CTL_PORTS_LEN];
		bool active = json_is_true(json_object_get(key, "is_active"));

		v2m_ctl_ports(key, ports);
		v2m_text_table_cell(table, strcmp(ports, "-") ? V2M_STYLE_PLAIN : V2M_STYLE_QUIET,
				    "%s", ports);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", text_member(key, "name"));
		v2m_text_table_cell(table, active ? V2M_STYLE_GOOD : V2M_STYLE_QUIET, "%s",
				    active ? "yes" : "no");
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", text_member(key, "id"));
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "%s", text_member(key, "created_at"));
	}
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

enum v2m_outcome v2m_ctl_keys(const struct v2m_ctl *ctl, const char *unused)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	enum v2m_outcome outcome = v2m_fallback_get(ctl->client, "/api/keys", &reply);

	(void)unused;
	if (outcome == V2M_DONE && json_is_array(reply.json))
		return ctl->json ? v2m_render_json(reply.json) : print_keys(ctl, reply.json);
	return v2m_fallback_fail(ctl->client, "/api/keys", &reply);
}
