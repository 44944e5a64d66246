// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/connections.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl/render.h"
#include "ctl/size.h"

static const struct v2m_text_column columns[] = {
	{ "STATE", false },   { "LOCAL", false }, { "REMOTE", false }, { "UPLINK", true },
	{ "DOWNLINK", true }, { "RTT", true },    { "RETRANS", true }, { "AGE", true },
};
/* The first columns: every server fills them. */
#define N_COLUMNS_ALWAYS 3

/* Sessions have a start of their own, which no reset moves. */
static void add_sessions(struct v2m_text_table *table, const json_t *sessions)
{
	const json_t *opened = json_object_get(sessions, "opened");
	const json_t *closed = json_object_get(sessions, "closed");
	const json_t *since = json_object_get(sessions, "since");
	time_t at = (time_t)json_number_value(since);
	char text[32];
	struct tm local;

	if (!json_is_integer(opened) || !json_is_integer(closed) || !json_is_number(since) ||
	    !localtime_r(&at, &local) || !strftime(text, sizeof(text), "%F %T", &local))
		return;
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Sessions");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN,
			    "%" JSON_INTEGER_FORMAT " opened, %" JSON_INTEGER_FORMAT
			    " closed since %s",
			    json_integer_value(opened), json_integer_value(closed), text);
}

void v2m_connections_sum_up(struct v2m_text_table *table, const json_t *entry)
{
	const json_t *peers = json_object_get(entry, "udp_peers");

	add_sessions(table, json_object_get(entry, "sessions"));
	if (!json_is_integer(peers))
		return;
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "UDP peers");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" JSON_INTEGER_FORMAT " in the last minute",
			    json_integer_value(peers));
}

static bool tells_bytes(const json_t *connections)
{
	const json_t *connection;
	size_t i;

	json_array_foreach ((json_t *)connections, i, connection)
		if (json_is_integer(json_object_get(connection, "rx_bytes")))
			return true;
	return false;
}

static void add_text(struct v2m_text_table *table, const json_t *connection, const char *member)
{
	const char *text = json_string_value(json_object_get(connection, member));

	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", text ? text : "-");
}

static void add_number(const struct v2m_ctl *ctl, struct v2m_text_table *table,
		       const json_t *connection, const char *member)
{
	const json_t *number = json_object_get(connection, member);
	char size[V2M_CTL_SIZE_LEN];

	if (!json_is_number(number) || json_number_value(number) < 0)
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "-");
	else if (strcmp(member, "rtt_ms") == 0)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%.1f ms", json_number_value(number));
	else if (strcmp(member, "age_s") == 0)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%.0f s", json_number_value(number));
	else if (strcmp(member, "retransmits") == 0)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%.0f", json_number_value(number));
	else
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s",
				    v2m_ctl_size(ctl, (uint64_t)json_integer_value(number), size));
}

static void add_connection(const struct v2m_ctl *ctl, struct v2m_text_table *table,
			   const json_t *connection, bool figures)
{
	static const char *const numbers[] = { "rx_bytes", "tx_bytes", "rtt_ms", "retransmits",
					       "age_s" };

	add_text(table, connection, "state");
	add_text(table, connection, "local");
	add_text(table, connection, "remote");
	for (size_t i = 0; figures && i < V2M_ARRAY_LEN(numbers); i++)
		add_number(ctl, table, connection, numbers[i]);
}

enum v2m_outcome v2m_connections_print(const struct v2m_ctl *ctl, const json_t *entry)
{
	json_t *connections = json_object_get(entry, "connection_details");
	bool figures = tells_bytes(connections);
	V2M_TEXT_TABLE *table =
		v2m_text_table_new(columns, figures ? V2M_ARRAY_LEN(columns) : N_COLUMNS_ALWAYS);
	enum v2m_outcome outcome;
	json_t *connection;
	size_t i;

	if (json_array_size(connections) == 0)
		return V2M_DONE;
	json_array_foreach (connections, i, connection)
		add_connection(ctl, table, connection, figures);
	puts("");
	outcome = v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
	if (outcome == V2M_DONE &&
	    json_is_true(json_object_get(entry, "connection_details_truncated")))
		puts("and more, which the server does not list");
	return outcome;
}
