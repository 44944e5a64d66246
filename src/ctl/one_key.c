// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/one_key.h"

#include <inttypes.h>

#include "ctl/connections.h"
#include "ctl/fallback.h"
#include "ctl/find.h"
#include "ctl/ports.h"
#include "ctl/render.h"
#include "ctl/size.h"

static const struct v2m_text_column pair[] = { { NULL, false }, { NULL, false } };

static void add_line(struct v2m_text_table *table, const char *name, const char *value)
{
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "%s", name);
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", value ? value : "-");
}

/* Adds a size for a person and, beside it, the exact number, which bills are made from. */
static void add_exact_size(const struct v2m_ctl *ctl, struct v2m_text_table *table,
			   const char *name, uint64_t bytes)
{
	char size[V2M_CTL_SIZE_LEN];

	v2m_ctl_size(ctl, bytes, size);
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "%s", name);
	if (ctl->bytes || bytes < 1024)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", size);
	else
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s (%" PRIu64 " bytes)", size, bytes);
}

static void add_figures(const struct v2m_ctl *ctl, struct v2m_text_table *table,
			const struct v2m_ctl_figure *row)
{
	char size[V2M_CTL_SIZE_LEN];

	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Connections");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, row->connections);
	v2m_connections_sum_up(table, row->entry);
	add_exact_size(ctl, table, "Uplink", row->rx);
	add_exact_size(ctl, table, "Downlink", row->tx);
	add_exact_size(ctl, table, "Total", row->rx + row->tx);
	add_line(table, "Rate", v2m_ctl_rate(ctl, row->rate, size));
}

/* The ports of a key that has several, each with its total. */
static void add_ports(const struct v2m_ctl *ctl, struct v2m_text_table *table, const json_t *entry)
{
	const json_t *parts = json_object_get(entry, "by_port");
	size_t i;
	json_t *part;

	json_array_foreach (parts, i, part) {
		const json_t *total = json_object_get(part, "total_bytes");
		const char *transport = json_string_value(json_object_get(part, "transport"));
		char size[V2M_CTL_SIZE_LEN];
		char port[V2M_CTL_PORTS_LEN];

		v2m_text_table_cell(table, V2M_STYLE_TITLE, "Port %s/%s", v2m_ctl_ports(part, port),
				    transport ? transport : "?");
		v2m_text_table_cell(
			table, V2M_STYLE_PLAIN, "%s",
			json_is_integer(total)
				? v2m_ctl_size(ctl, (uint64_t)json_integer_value(total), size)
				: "not counted");
	}
}

static enum v2m_outcome print_key(const struct v2m_ctl *ctl,
				  const struct v2m_fallback_answer *answer)
{
	const struct v2m_ctl_figure *row = &answer->figures.rows[0];
	const json_t *error = json_object_get(row->entry, "error");
	V2M_TEXT_TABLE *table = v2m_text_table_new(pair, V2M_ARRAY_LEN(pair));
	enum v2m_outcome outcome;

	add_line(table, "Key", row->name);
	add_line(table, "Id", row->key_id);
	add_line(table, "UUID", row->uuid);
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Port");
	if (row->port)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, row->port);
	else
		v2m_text_table_cell(table, V2M_STYLE_WARN, error ? "none" : "-");
	add_ports(ctl, table, row->entry);
	add_figures(ctl, table, row);
	outcome = v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
	return outcome == V2M_DONE ? v2m_connections_print(ctl, row->entry) : outcome;
}

static enum v2m_outcome ask_of_key(const struct v2m_ctl *ctl, enum v2m_question question,
				   const char *key, struct v2m_fallback_answer *answer)
{
	V2M_FREE char *id = NULL;
	enum v2m_outcome outcome = v2m_find_key(ctl->client, key, &id);

	return outcome == V2M_DONE
		       ? v2m_fallback_ask(ctl->client, question, id, ctl->verbose, answer)
		       : outcome;
}

enum v2m_outcome v2m_ctl_show(const struct v2m_ctl *ctl, const char *key)
{
	V2M_CLEANUP(v2m_fallback_answer_clear) struct v2m_fallback_answer answer = { .path = "" };
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
	V2M_TEXT_TABLE *table = v2m_text_table_new(pair, V2M_ARRAY_LEN(pair));

	add_line(table, "Reset", key);
	for (size_t i = 0; i < V2M_ARRAY_LEN(closed); i++) {
		const json_t *bytes = json_object_get(answer, closed[i].member);

		/* The older reset paths do not tell the bytes that they closed. */
		if (json_is_integer(bytes) && json_integer_value(bytes) >= 0)
			add_exact_size(ctl, table, closed[i].title,
				       (uint64_t)json_integer_value(bytes));
	}
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

enum v2m_outcome v2m_ctl_reset(const struct v2m_ctl *ctl, const char *key)
{
	V2M_CLEANUP(v2m_fallback_answer_clear) struct v2m_fallback_answer answer = { .path = "" };
	enum v2m_outcome outcome = ask_of_key(ctl, V2M_ASK_RESET, key, &answer);

	if (outcome != V2M_DONE)
		return outcome;
	return ctl->json ? v2m_render_json(answer.reply.json)
			 : print_reset(ctl, key, answer.reply.json);
}
