// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/doctor/ephemeral.h"
#include "ctl/fallback.h"
#include "ctl/render.h"
#include "ctl/size.h"
#include "ctl/text.h"
#include "ctl/text_table.h"
#include "base/cleanup.h"
#include "base/file.h"

#define PROC_FILE_MAX 262144

struct status {
	struct v2m_fallback_answer traffic;
	struct v2m_client_reply health;
	struct v2m_client_reply keys;
	struct v2m_client_reply summary;
	struct v2m_client_reply meter;
};

static const struct v2m_text_column pair[] = { { NULL, false }, { NULL, false } };

static void status_clear(struct status *status)
{
	v2m_fallback_answer_clear(&status->traffic);
	v2m_client_reply_clear(&status->health);
	v2m_client_reply_clear(&status->keys);
	v2m_client_reply_clear(&status->summary);
	v2m_client_reply_clear(&status->meter);
}

static void get_reply(const struct v2m_ctl *ctl, const char *path, struct v2m_client_reply *reply)
{
	enum v2m_outcome outcome = v2m_fallback_get(ctl->client, path, reply);

	if (ctl->verbose && outcome != V2M_DONE)
		v2m_note("%s: %s", path, reply->text);
}

/* The answer's JSON; NULL if the server does not serve that path. */
static json_t *served(const struct v2m_client_reply *reply)
{
	return reply->status == 200 ? reply->json : NULL;
}

static const json_t *interfaces_of(const struct status *status)
{
	const json_t *summary = json_object_get(served(&status->summary), "summary");

	if (!summary)
		summary = json_object_get(status->traffic.reply.json, "system_summary");
	return json_object_get(summary, "interface_summary");
}

static void add_health(struct v2m_text_table *table, const struct v2m_client_reply *health)
{
	const char *status = json_string_value(json_object_get(health->json, "status"));
	const char *reason = json_string_value(json_object_get(health->json, "reason"));

	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Health");
	if (health->status == 200 && status)
		v2m_text_table_cell(
			table, strcmp(status, "degraded") == 0 ? V2M_STYLE_WARN : V2M_STYLE_GOOD,
			"%s%s%s", status, reason ? ": " : "", reason ? reason : "");
	else if (health->status == 503)
		v2m_text_table_cell(table, V2M_STYLE_BAD, "counts cannot be served%s%s",
				    reason ? ": " : "", reason ? reason : "");
	else
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "not said");
}

/* Adds the line about accounting, from the first port entry, because all entries of our server say
 * the same; without entries, from the meter's own status. Older servers have neither. */
static void add_accounting(struct v2m_text_table *table, const struct status *status)
{
	const struct v2m_ctl_figures *figures = &status->traffic.figures;
	const json_t *accounting =
		figures->n_rows ? json_object_get(figures->rows[0].entry, "accounting") : NULL;
	const json_t *own = json_object_get(served(&status->meter), "accounting");
	const char *mode =
		json_string_value(json_object_get(accounting ? accounting : own, "mode"));
	const char *unit =
		json_string_value(json_object_get(accounting ? accounting : own, "unit"));
	const char *reason =
		json_string_value(json_object_get(accounting ? accounting : own, "reason"));
	bool exact = json_is_true(json_object_get(accounting ? accounting : own, "exact"));

	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Accounting");
	if (!mode)
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "not said");
	else
		v2m_text_table_cell(table, exact ? V2M_STYLE_GOOD : V2M_STYLE_WARN,
				    "%s, %s%s%s%s%s%s", mode, exact ? "exact" : "not exact",
				    unit ? ", " : "", unit ? unit : "", unit ? " bytes" : "",
				    reason ? ": " : "", reason ? reason : "");
}

static void add_keys(struct v2m_text_table *table, const json_t *keys)
{
	size_t active = 0;
	json_t *key;
	size_t i;

	if (!json_is_array(keys))
		return;
	json_array_foreach (keys, i, key)
		active += json_is_true(json_object_get(key, "is_active"));
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Keys");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%zu (%zu active)", json_array_size(keys),
			    active);
}

static void add_totals(const struct v2m_ctl *ctl, struct v2m_text_table *table,
		       const struct v2m_ctl_figures *figures)
{
	uint64_t connections = 0;
	uint64_t rx = 0;
	uint64_t tx = 0;
	size_t ports = 0;
	char total_text[V2M_CTL_SIZE_LEN];
	char rx_text[V2M_CTL_SIZE_LEN];
	char tx_text[V2M_CTL_SIZE_LEN];

	for (size_t i = 0; i < figures->n_rows; i++) {
		ports += figures->rows[i].port != 0;
		connections += figures->rows[i].connections;
		rx += figures->rows[i].rx;
		tx += figures->rows[i].tx;
	}
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Ports");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%zu", ports);
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Connections");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, connections);
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Traffic");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s (%s up, %s down)",
			    v2m_ctl_size(ctl, rx + tx, total_text), v2m_ctl_size(ctl, rx, rx_text),
			    v2m_ctl_size(ctl, tx, tx_text));
}

/* Adds what belongs to nobody because the ledger was lost. */
static void add_aside(const struct v2m_ctl *ctl, struct v2m_text_table *table, const json_t *meter)
{
	const json_t *asides = json_object_get(meter, "set_aside");
	char text[V2M_CTL_SIZE_LEN];
	uint64_t bytes = 0;
	json_t *aside;
	size_t i;

	if (!json_array_size(asides))
		return;
	json_array_foreach (asides, i, aside)
		bytes += (uint64_t)json_integer_value(json_object_get(aside, "rx_bytes")) +
			 (uint64_t)json_integer_value(json_object_get(aside, "tx_bytes"));
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Set aside");
	v2m_text_table_cell(table, V2M_STYLE_WARN,
			    "%s that no key is charged for (--json lists the "
			    "ports)",
			    v2m_ctl_size(ctl, bytes, text));
}

/* Whether the server is on this machine, whose /proc we can read. */
static bool is_local(const char *url)
{
	static const char *const hosts[] = { "://127.", "://localhost", "://[::1]" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(hosts); i++)
		if (strstr(url, hosts[i]))
			return true;
	return false;
}

/* Names ports of keys that the kernel may give to outgoing connections of this host. */
static void add_ephemeral(const struct v2m_ctl *ctl, struct v2m_text_table *table,
			  const json_t *keys)
{
	V2M_FREE char *range = NULL;
	V2M_FREE char *reserved = NULL;
	struct v2m_ephemeral found;
	size_t length;

	if (!json_is_array(keys) || !is_local(v2m_client_url(ctl->client)) ||
	    v2m_read_file(V2M_EPHEMERAL_RANGE_FILE, PROC_FILE_MAX, &range, &length) ||
	    v2m_read_file(V2M_EPHEMERAL_RESERVED_FILE, PROC_FILE_MAX, &reserved, &length) ||
	    v2m_ephemeral_find(range, reserved, keys, &found) || !*found.ports)
		return;
	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Outgoing");
	v2m_text_table_cell(table, V2M_STYLE_WARN,
			    "the kernel may give ports of keys to outgoing connections (%s); "
			    "sysctl line: net.ipv4.ip_local_reserved_ports = %s",
			    found.ports, *found.reserve ? found.reserve : "(these ports)");
}

static enum v2m_outcome print_head(const struct v2m_ctl *ctl, const struct status *status)
{
	V2M_TEXT_TABLE *table = v2m_text_table_new(pair, V2M_ARRAY_LEN(pair));

	v2m_text_table_cell(table, V2M_STYLE_TITLE, "Server");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", v2m_client_url(ctl->client));
	add_health(table, &status->health);
	add_accounting(table, status);
	add_keys(table, served(&status->keys));
	add_totals(ctl, table, &status->traffic.figures);
	add_aside(ctl, table, served(&status->meter));
	add_ephemeral(ctl, table, served(&status->keys));
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

static void add_port(const struct v2m_ctl *ctl, struct v2m_text_table *table,
		     const struct v2m_ctl_figure *row)
{
	char size[V2M_CTL_SIZE_LEN];

	if (row->port)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, row->port);
	else
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "-");
	if (row->sharers)
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "shared by %zu keys", row->sharers);
	else
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s",
				    row->name     ? row->name
				    : row->key_id ? row->key_id
				    : row->uuid   ? row->uuid
						  : "-");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" PRIu64, row->connections);
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", v2m_ctl_size(ctl, row->rx, size));
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", v2m_ctl_size(ctl, row->tx, size));
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s",
			    v2m_ctl_size(ctl, row->rx + row->tx, size));
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", v2m_ctl_rate(ctl, row->rate, size));
}

static uint64_t bytes_of(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* A user's part of a shared port, or the rest of it. */
static void add_part(const struct v2m_ctl *ctl, struct v2m_text_table *table, const char *name,
		     const json_t *part)
{
	const json_t *connections = json_object_get(part, "connections");
	const json_t *rate = json_object_get(part, "traffic_rate");
	static const char *const members[] = { "rx_bytes", "tx_bytes", "total_bytes" };
	char size[V2M_CTL_SIZE_LEN];

	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", "");
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "  %s", name);
	if (connections)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
				    json_integer_value(connections));
	else
		v2m_text_table_cell(table, V2M_STYLE_QUIET, "-");
	for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s",
				    v2m_ctl_size(ctl, bytes_of(part, members[i]), size));
	v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s",
			    v2m_ctl_rate(ctl, rate ? json_number_value(rate) : -1, size));
}

/* The users of a shared port, if they are told apart. */
static void add_parts(const struct v2m_ctl *ctl, struct v2m_text_table *table, const json_t *entry)
{
	const json_t *accounting = json_object_get(entry, "accounting");
	const char *name;
	json_t *part;
	size_t i;

	if (!json_object_get(accounting, "attribution"))
		return;
	json_array_foreach (json_object_get(entry, "keys"), i, part) {
		name = json_string_value(json_object_get(part, "name"));
		if (json_object_get(part, "total_bytes"))
			add_part(ctl, table, name ? name : "-", part);
	}
	add_part(ctl, table, "(no key)", json_object_get(entry, "unattributed"));
}

static enum v2m_outcome print_ports(const struct v2m_ctl *ctl,
				    const struct v2m_ctl_figures *figures)
{
	static const struct v2m_text_column columns[] = {
		{ "PORT", true },     { "KEY", false },  { "CONNS", true }, { "UPLINK", true },
		{ "DOWNLINK", true }, { "TOTAL", true }, { "RATE", true },
	};
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));

	if (figures->n_rows == 0)
		return V2M_DONE;
	for (size_t i = 0; i < figures->n_rows; i++) {
		add_port(ctl, table, &figures->rows[i]);
		if (figures->rows[i].sharers)
			add_parts(ctl, table, figures->rows[i].entry);
	}
	puts("");
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

/* Prints the ports whose bytes the server does not know: UDP without the kernel programs. If they
 * were left out silently, the other ports would seem to be all. */
static enum v2m_outcome print_not_counted(const struct v2m_ctl *ctl, const json_t *answer)
{
	static const struct v2m_text_column columns[] = {
		{ "PORT", true },
		{ "KEY", false },
		{ "NOT COUNTED", false },
	};
	json_t *ports = json_object_get(json_object_get(answer, "data"), "not_counted");
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));
	const char *port;
	json_t *entry;

	if (json_object_size(ports) == 0)
		return V2M_DONE;
	json_object_foreach (ports, port, entry) {
		const char *name = json_string_value(json_object_get(entry, "key_name"));
		const char *reason = json_string_value(json_object_get(entry, "error"));

		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", port);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", name ? name : "-");
		v2m_text_table_cell(table, V2M_STYLE_WARN, "%s", reason ? reason : "-");
	}
	puts("");
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

static enum v2m_outcome print_interfaces(const struct v2m_ctl *ctl, const json_t *interfaces)
{
	static const struct v2m_text_column columns[] = {
		{ "INTERFACE", false },
		{ "RECEIVED", true },
		{ "SENT", true },
		{ "TOTAL", true },
	};
	static const char *const members[] = { "rx_bytes", "tx_bytes", "total_bytes" };
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));
	const char *name;
	json_t *interface;

	if (json_object_size(interfaces) == 0)
		return V2M_DONE;
	json_object_foreach ((json_t *)interfaces, name, interface) {
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", name);
		for (size_t i = 0; i < V2M_ARRAY_LEN(members); i++) {
			const json_t *bytes = json_object_get(interface, members[i]);
			char size[V2M_CTL_SIZE_LEN] = "-";

			if (json_is_integer(bytes) && json_integer_value(bytes) >= 0)
				v2m_ctl_size(ctl, (uint64_t)json_integer_value(bytes), size);
			v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", size);
		}
	}
	puts("");
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

/* The place of a note, as v2meterd --check writes it: "FILE:LINE:COLUMN: MEMBER". */
static void add_place(struct v2m_text_table *table, const json_t *note)
{
	const char *file = json_string_value(json_object_get(note, "file"));
	const char *member = json_string_value(json_object_get(note, "member"));
	json_int_t line = json_integer_value(json_object_get(note, "line"));
	json_int_t column = json_integer_value(json_object_get(note, "column"));

	if (line > 0)
		v2m_text_table_cell(table, V2M_STYLE_PLAIN,
				    "%s:%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT "%s%s",
				    file ? file : "-", line, column, member && *member ? ": " : "",
				    member ? member : "");
	else
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", file ? file : "-");
}

/* Prints what the key sources have that gave no key, or only a part of one, and why. */
static enum v2m_outcome print_key_notes(const struct v2m_ctl *ctl, const json_t *meter)
{
	static const struct v2m_text_column columns[] = {
		{ "KEY NOTES", false },
		{ "PLACE", false },
		{ "REASON", false },
	};
	const json_t *notes = json_object_get(meter, "key_notes");
	json_int_t more = json_integer_value(json_object_get(meter, "more_key_notes"));
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));
	enum v2m_outcome outcome;
	json_t *note;
	size_t i;

	if (json_array_size(notes) == 0)
		return V2M_DONE;
	json_array_foreach (notes, i, note) {
		bool missing = json_is_true(json_object_get(note, "missing"));
		const char *reason = json_string_value(json_object_get(note, "reason"));

		v2m_text_table_cell(table, missing ? V2M_STYLE_WARN : V2M_STYLE_QUIET, "%s",
				    missing ? "not counted" : "remark");
		add_place(table, note);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", reason ? reason : "-");
	}
	puts("");
	outcome = v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
	if (outcome == V2M_DONE && more > 0)
		printf("and %" JSON_INTEGER_FORMAT " more\n", more);
	return outcome;
}

/* Prints the meter's own status, without what other tables show. */
static enum v2m_outcome print_meter(const struct v2m_ctl *ctl, const json_t *meter)
{
	enum v2m_outcome outcome;
	json_t *rest;

	if (!json_is_object(meter))
		return V2M_DONE;
	rest = json_copy((json_t *)meter);
	json_object_del(rest, "key_notes");
	json_object_del(rest, "more_key_notes");
	printf("\n%sMETER%s\n", v2m_style_begin(V2M_STYLE_TITLE, ctl->colour),
	       v2m_style_end(V2M_STYLE_TITLE, ctl->colour));
	outcome = v2m_render_object(ctl, rest);
	json_decref(rest);
	return outcome;
}

static enum v2m_outcome print_tables(const struct v2m_ctl *ctl, const struct status *status)
{
	enum v2m_outcome outcome = print_head(ctl, status);

	if (outcome == V2M_DONE)
		outcome = print_ports(ctl, &status->traffic.figures);
	if (outcome == V2M_DONE)
		outcome = print_not_counted(ctl, status->traffic.reply.json);
	if (outcome == V2M_DONE)
		outcome = print_interfaces(ctl, interfaces_of(status));
	if (outcome == V2M_DONE)
		outcome = print_key_notes(ctl, served(&status->meter));
	if (outcome == V2M_DONE)
		outcome = print_meter(ctl, served(&status->meter));
	return outcome;
}

/* Prints every answer as it came, null if the server does not serve it. Health is there with any
 * status, because its body says why. */
static enum v2m_outcome print_json(const struct status *status)
{
	json_t *all = json_pack("{s:O?, s:s, s:O, s:O?, s:O?, s:O?}", "health", status->health.json,
				"traffic_path", status->traffic.path, "traffic",
				status->traffic.reply.json, "keys", served(&status->keys), "system",
				served(&status->summary), "meter", served(&status->meter));
	enum v2m_outcome outcome = v2m_render_json(all);

	json_decref(all);
	return outcome;
}

enum v2m_outcome v2m_ctl_status(const struct v2m_ctl *ctl, const char *unused)
{
	V2M_CLEANUP(status_clear) struct status status = { .traffic.path = "" };
	enum v2m_outcome outcome =
		v2m_fallback_ask(ctl->client, V2M_ASK_ALL, NULL, ctl->verbose, &status.traffic);

	(void)unused;
	if (outcome != V2M_DONE)
		return outcome;
	get_reply(ctl, "/health", &status.health);
	get_reply(ctl, "/api/keys", &status.keys);
	get_reply(ctl, "/api/system/traffic/summary", &status.summary);
	get_reply(ctl, "/api/meter/status", &status.meter);
	v2m_ctl_figures_name(&status.traffic.figures, served(&status.keys));
	v2m_ctl_figures_sort(&status.traffic.figures);
	return ctl->json ? print_json(&status) : print_tables(ctl, &status);
}
