// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/top/detail.h"

#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/fallback.h"
#include "ctl/size.h"
#include "ctl/text.h"
#include "ctl/top/paint.h"

/* The line on which the list of connections begins. */
#define FIRST_LINE 9

struct column {
	const char *title;
	int width;
	bool right;
	const char *member; /* NULL: the bytes of that direction */
};

/* clang-format off */
static const struct column columns[] = {
	{ "REMOTE",   30, false, "remote" },
	{ "STATE",    10, false, "state" },
	{ "DOWN",     10, true,  "tx_bytes" },
	{ "UP",       10, true,  "rx_bytes" },
	{ "RTT",       9, true,  "rtt_ms" },
	{ "RESENT",    6, true,  "retransmits" },
	{ "AGE",       8, true,  "age_s" },
	{ "LOCAL",    30, false, "local" },
};
/* clang-format on */

static const json_t *entry_of(const struct v2m_top_view *view)
{
	return json_object_get(view->detail, "traffic");
}

static json_t *connections_of(const struct v2m_top_view *view)
{
	return json_object_get(entry_of(view), "connection_details");
}

size_t v2m_top_detail_count(const struct v2m_top_view *view)
{
	return json_array_size(connections_of(view));
}

static void take_error(struct v2m_top_view *view, const char *why)
{
	V2M_FREE char *clean = v2m_text_clean(why);

	snprintf(view->detail_error, sizeof(view->detail_error), "%s",
		 clean ? clean : "out of memory");
}

void v2m_top_detail_read(struct v2m_top_view *view, const struct v2m_top_row *row)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	V2M_FREE char *id = row && !row->is_port ? v2m_client_escape(row->subject) : NULL;
	V2M_FREE char *path = NULL;
	const char *detail;

	if (!row || row->is_port)
		return;
	if (!id || asprintf(&path, "/api/keys/%s/traffic/simple", id) < 0) {
		path = NULL;
		take_error(view, "out of memory");
		return;
	}
	if (v2m_fallback_get(view->ctl->client, path, &reply) == V2M_DONE) {
		json_decref(view->detail);
		view->detail = json_incref(reply.json);
		view->detail_error[0] = 0;
		return;
	}
	detail = v2m_client_reply_detail(&reply);
	take_error(view, detail ? detail : v2m_client_reply_text(&reply));
}

static void write_member(const struct v2m_ctl *ctl, const json_t *connection, const char *member,
			 char *text, size_t size)
{
	const json_t *value = json_object_get(connection, member);
	double number = json_number_value(value);
	char bytes[V2M_CTL_SIZE_LEN];

	if (json_is_string(value)) {
		V2M_FREE char *clean = v2m_text_clean(json_string_value(value));

		snprintf(text, size, "%s", clean ? clean : "?");
	} else if (!json_is_number(value) || number < 0) {
		snprintf(text, size, "-");
	} else if (strcmp(member, "rtt_ms") == 0) {
		snprintf(text, size, "%.1f ms", number);
	} else if (strcmp(member, "age_s") == 0) {
		snprintf(text, size, "%.0f s", number);
	} else if (strcmp(member, "retransmits") == 0) {
		snprintf(text, size, "%.0f", number);
	} else {
		snprintf(text, size, "%s", v2m_ctl_size(ctl, (uint64_t)number, bytes));
	}
}

static void draw_connections(const struct v2m_top_view *view)
{
	const json_t *connections = connections_of(view);
	size_t count = json_array_size(connections);
	int at = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(columns); i++) {
		v2m_top_put(view, FIRST_LINE - 1, at, columns[i].width, V2M_PAINT_HEAD,
			    columns[i].right, columns[i].title);
		at += columns[i].width + 1;
	}
	for (size_t i = view->detail_first; i < count; i++) {
		int line = FIRST_LINE + (int)(i - view->detail_first);

		if (line >= LINES - 1)
			return;
		at = 0;
		for (size_t k = 0; k < V2M_ARRAY_LEN(columns); k++) {
			char text[80];

			write_member(view->ctl, json_array_get(connections, i), columns[k].member,
				     text, sizeof(text));
			v2m_top_put(view, line, at, columns[k].width, V2M_PAINT_PLAIN,
				    columns[k].right, text);
			at += columns[k].width + 1;
		}
	}
	if (!count && view->detail)
		v2m_top_put_line(view, FIRST_LINE, V2M_PAINT_QUIET, "no open connections");
}

static void draw_figures(const struct v2m_top_view *view, const struct v2m_top_row *row)
{
	char first[V2M_CTL_SIZE_LEN];
	char second[V2M_CTL_SIZE_LEN];
	char third[V2M_CTL_SIZE_LEN];

	v2m_top_put_line(view, 3, V2M_PAINT_HEAD, "%s", row->name);
	v2m_top_put_line(view, 4, V2M_PAINT_QUIET, "id %s  port %s", row->subject, row->ports);
	v2m_top_put_line(view, 5, V2M_PAINT_PLAIN, "now: down %s, up %s",
			 v2m_ctl_rate(view->ctl, row->tx_rate, first),
			 v2m_ctl_rate(view->ctl, row->rx_rate, second));
	v2m_top_put_line(view, 6, V2M_PAINT_PLAIN,
			 "since reset: down %s, up %s  lifetime: %s  connections: %" PRIu64,
			 v2m_ctl_size(view->ctl, row->tx, first),
			 v2m_ctl_size(view->ctl, row->rx, second),
			 v2m_ctl_size(view->ctl, row->lifetime, third), row->connections);
}

void v2m_top_detail_draw(const struct v2m_top_view *view, const struct v2m_top_row *row)
{
	if (!row) {
		v2m_top_put_line(view, 3, V2M_PAINT_WARN, "the server has this key no more");
	} else {
		draw_figures(view, row);
		if (*view->detail_error)
			v2m_top_put_line(view, 7, V2M_PAINT_WARN, "%s", view->detail_error);
		if (!row->is_port)
			draw_connections(view);
	}
	v2m_top_put_line(view, LINES - 1, V2M_PAINT_QUIET, "Esc back  q quit  arrows scroll");
}
