// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/commands.h"

#include <inttypes.h>

#include "ctl/connections.h"
#include "ctl/find.h"
#include "ctl/render.h"
#include "ctl/text.h"

static const struct v2m_column pair[] = { { NULL, false }, { NULL, false } };

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "-";
}

static enum v2m_outcome print_keys(const struct v2m_ctl *ctl, const json_t *keys)
{
	static const struct v2m_column columns[] = {
		{ "PORT", true }, { "NAME", false },    { "ACTIVE", false },
		{ "ID", false },  { "CREATED", false },
	};
	V2M_TABLE *table = v2m_table_new(columns, V2M_ARRAY_LEN(columns));
	json_t *key;
	size_t i;

	json_array_foreach (keys, i, key) {
		const json_t *port = json_object_get(key, "port");
		bool active = json_is_true(json_object_get(key, "is_active"));

		if (json_is_integer(port))
			v2m_table_cell(table, V2M_STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
				       json_integer_value(port));
		else
			v2m_table_cell(table, V2M_STYLE_QUIET, "-");
		v2m_table_cell(table, V2M_STYLE_PLAIN, "%s", member(key, "name"));
		v2m_table_cell(table, active ? V2M_STYLE_GOOD : V2M_STYLE_QUIET, "%s",
			       active ? "yes" : "no");
		v2m_table_cell(table, V2M_STYLE_PLAIN, "%s", member(key, "id"));
		v2m_table_cell(table, V2M_STYLE_QUIET, "%s", member(key, "created_at"));
	}
	return v2m_render_done(v2m_table_print(table, stdout, ctl->colour));
}

enum v2m_outcome v2m_ctl_keys(const struct v2m_ctl *ctl, const char *unused)
{
	V2M_CLEANUP(v2m_reply_clear) struct v2m_reply reply = { 0 };
	enum v2m_outcome outcome = v2m_fallback_get(ctl->client, "/api/keys", &reply);

	(void)unused;
	if (outcome == V2M_DONE && json_is_array(reply.json))
		return ctl->json ? v2m_render_json(reply.json) : print_keys(ctl, reply.json);
	if (v2m_reply_detail(&reply))
		v2m_note("%s", v2m_reply_detail(&reply));
	else if (!reply.sent)
		v2m_note("cannot reach %s: %s", v2m_client_url(ctl->client), reply.text);
	else
		v2m_note("%s/api/keys: %s", v2m_client_url(ctl->client),
			 *reply.text ? reply.text : "an answer of another shape");
	return outcome == V2M_DONE ? V2M_UNREACHED : outcome;
}

static void add_line(struct v2m_table *table, const char *name, const char *value)
{
	v2m_table_cell(table, V2M_STYLE_TITLE, "%s", name);
	v2m_table_cell(table, V2M_STYLE_PLAIN, "%s", value ? value : "-");
}

/* A size for a person, and the number that is billed on beside it. */
static void add_exact(const struct v2m_ctl *ctl, struct v2m_table *table, const char *name,
		      uint64_t bytes)
{
	char size[V2M_CTL_SIZE_LEN];

	v2m_ctl_size(ctl, bytes, size);
	v2m_table_cell(table, V2M_STYLE_TITLE, "%s", name);
	if (ctl->bytes || bytes < 1024)
		v2m_table_cell(table, V2M_STYLE_PLAIN, "%s", size);
	else
		v2m_table_cell(table, V2M_STYLE_PLAIN, "%s (%" PRIu64 " bytes)", size, bytes);
}

static void add_figures(const struct v2m_ctl *ctl, struct v2m_table *table,
			const struct v2m_figure *row)
{
	char size[V2M_CTL_SIZE_LEN];

	v2m_table_cell(table, V2M_STYLE_TITLE, "Connections");
	v2m_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, row->connections);
	v2m_connections_sum_up(table, row->entry);
	add_exact(ctl, table, "Uplink", row->rx);
	add_exact(ctl, table, "Downlink", row->tx);
	add_exact(ctl, table, "Total", row->rx + row->tx);
	add_line(table, "Rate", v2m_ctl_rate(ctl, row->rate, size));
}

static enum v2m_outcome print_key(const struct v2m_ctl *ctl, const struct v2m_answer *answer)
{
	const struct v2m_figure *row = &answer->figures.rows[0];
	const json_t *error = json_object_get(row->entry, "error");
	V2M_TABLE *table = v2m_table_new(pair, V2M_ARRAY_LEN(pair));
	enum v2m_outcome outcome;

	add_line(table, "Key", row->name);
	add_line(table, "Id", row->key_id);
	add_line(table, "UUID", row->uuid);
	v2m_table_cell(table, V2M_STYLE_TITLE, "Port");
	if (row->port)
		v2m_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, row->port);
	else
		v2m_table_cell(table, V2M_STYLE_WARN, error ? "none" : "-");
	add_figures(ctl, table, row);
	outcome = v2m_render_done(v2m_table_print(table, stdout, ctl->colour));
	return outcome == V2M_DONE ? v2m_connections_print(ctl, row->entry) : outcome;
}

static enum v2m_outcome ask_of_key(const struct v2m_ctl *ctl, enum v2m_question question,
				   const char *key, struct v2m_answer *answer)
{
	V2M_FREE char *id = NULL;
	enum v2m_outcome outcome = v2m_find_key(ctl->client, key, &id);

	return outcome == V2M_DONE
		       ? v2m_fallback_ask(ctl->client, question, id, ctl->verbose, answer)
		       : outcome;
}

enum v2m_outcome v2m_ctl_show(const struct v2m_ctl *ctl, const char *key)
{
	V2M_CLEANUP(v2m_answer_clear) struct v2m_answer answer = { .path = "" };
	enum v2m_outcome outcome = ask_of_key(ctl, V2M_ASK_KEY, key, &answer);

	if (outcome != V2M_DONE)
		return outcome;
	return ctl->json ? v2m_render_json(answer.reply.json) : print_key(ctl, &answer);
}

static enum v2m_outcome print_reset(const struct v2m_ctl *ctl, const char *key,
				    const json_t *answer)
{
	static const struct {
		const char *member;
		const char *title;
	} closed[] = {
		{ "previous_upload", "Uplink closed" },
		{ "previous_download", "Downlink closed" },
		{ "previous_total", "Total closed" },
	};
	V2M_TABLE *table = v2m_table_new(pair, V2M_ARRAY_LEN(pair));

	add_line(table, "Reset", key);
	for (size_t i = 0; i < V2M_ARRAY_LEN(closed); i++) {
		const json_t *bytes = json_object_get(answer, closed[i].member);

		/* The older reset paths do not tell what they closed. */
		if (json_is_integer(bytes) && json_integer_value(bytes) >= 0)
			add_exact(ctl, table, closed[i].title, (uint64_t)json_integer_value(bytes));
	}
	return v2m_render_done(v2m_table_print(table, stdout, ctl->colour));
}

enum v2m_outcome v2m_ctl_reset(const struct v2m_ctl *ctl, const char *key)
{
	V2M_CLEANUP(v2m_answer_clear) struct v2m_answer answer = { .path = "" };
	enum v2m_outcome outcome = ask_of_key(ctl, V2M_ASK_RESET, key, &answer);

	if (outcome != V2M_DONE)
		return outcome;
	return ctl->json ? v2m_render_json(answer.reply.json)
			 : print_reset(ctl, key, answer.reply.json);
}
