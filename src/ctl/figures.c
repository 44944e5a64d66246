// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/figures.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* False: the member is missing, or is not an integer from 0 on. */
static bool get_count(const json_t *object, const char *member, uint64_t *count)
{
	const json_t *value = json_object_get(object, member);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*count = (uint64_t)json_integer_value(value);
	return true;
}

static const char *get_string(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* Reads the owner of the bytes, as far as the entry tells it. */
static void read_owner(const json_t *entry, struct v2m_ctl_figure *row)
{
	row->entry = entry;
	row->uuid = get_string(entry, "uuid");
	row->key_id = get_string(entry, "key_id");
	row->name = get_string(entry, "key_name");
	row->sharers = json_is_true(json_object_get(entry, "shared"))
			       ? json_array_size(json_object_get(entry, "keys"))
			       : 0;
	get_count(entry, "port", &row->port);
}

/* Reads a PORT ENTRY of docs/openapi.yaml. */
static bool read_entry(const json_t *entry, struct v2m_ctl_figure *row)
{
	const json_t *rate = json_object_get(entry, "traffic_rate");

	read_owner(entry, row);
	row->rate = json_is_number(rate) ? json_number_value(rate) : -1;
	return get_count(entry, "connections", &row->connections) &&
	       get_count(entry, "rx_bytes", &row->rx) && get_count(entry, "tx_bytes", &row->tx);
}

/* Reads a STAT of docs/openapi.yaml. */
static bool read_stat(const json_t *stat, struct v2m_ctl_figure *row)
{
	read_owner(stat, row);
	row->rate = -1;
	get_count(stat, "connections", &row->connections);
	return get_count(stat, "uplink_bytes", &row->rx) &&
	       get_count(stat, "downlink_bytes", &row->tx);
}

static bool make_rows(size_t n_rows, struct v2m_ctl_figures *figures)
{
	figures->rows = calloc(n_rows + 1, sizeof(*figures->rows));
	return figures->rows != NULL;
}

static bool read_simple(const json_t *answer, struct v2m_ctl_figures *figures)
{
	json_t *ports = json_object_get(json_object_get(answer, "data"), "ports");
	const char *port;
	json_t *entry;

	if (!json_is_object(ports) || !make_rows(json_object_size(ports), figures))
		return false;
	json_object_foreach (ports, port, entry) {
		struct v2m_ctl_figure *row = &figures->rows[figures->n_rows++];

		if (!read_entry(entry, row))
			return false;
		if (!row->port)
			row->port = strtoul(port, NULL, 10);
	}
	return true;
}

static bool read_ports_exact(const json_t *answer, struct v2m_ctl_figures *figures)
{
	json_t *ports = json_object_get(json_object_get(answer, "ports_traffic"), "ports_traffic");
	const char *uuid;
	json_t *port;

	if (!json_is_object(ports) || !make_rows(json_object_size(ports), figures))
		return false;
	json_object_foreach (ports, uuid, port) {
		struct v2m_ctl_figure *row = &figures->rows[figures->n_rows++];

		if (!read_entry(json_object_get(port, "traffic"), row))
			return false;
		if (!row->uuid && !row->sharers)
			row->uuid = uuid;
		if (!row->name)
			row->name = get_string(port, "key_name");
		get_count(port, "port", &row->port);
	}
	return true;
}

static bool read_exact(const json_t *answer, struct v2m_ctl_figures *figures)
{
	json_t *stats = json_object_get(json_object_get(answer, "traffic_stats"), "keys_stats");
	size_t i;
	json_t *stat;

	if (!json_is_array(stats) || !make_rows(json_array_size(stats), figures))
		return false;
	json_array_foreach (stats, i, stat)
		if (!read_stat(stat, &figures->rows[figures->n_rows++]))
			return false;
	return true;
}

/* A key without a port has an "error" instead of an entry's figures. */
static bool read_key(const json_t *answer, const char *member, bool is_stat,
		     struct v2m_ctl_figures *figures)
{
	const json_t *key = json_object_get(answer, "key");
	const json_t *traffic = json_object_get(answer, member);
	struct v2m_ctl_figure *row;

	if (!json_is_object(traffic) || !make_rows(1, figures))
		return false;
	row = &figures->rows[figures->n_rows++];
	if (!(is_stat ? read_stat(traffic, row) : read_entry(traffic, row)) &&
	    !(get_string(traffic, "error") && json_is_null(json_object_get(traffic, "port"))))
		return false;
	row->key_id = get_string(key, "id") ?: row->key_id;
	row->name = get_string(key, "name") ?: row->name;
	row->uuid = get_string(key, "uuid") ?: row->uuid;
	get_count(key, "port", &row->port);
	return true;
}

/* True if any of the tests that clients of this API use says that the reset was done. */
static bool reset_was_done(const json_t *answer)
{
	const char *status = get_string(answer, "status");
	const char *message = get_string(answer, "message");

	return (status && strcmp(status, "success") == 0) ||
	       json_is_true(json_object_get(answer, "success")) ||
	       (message && strcasestr(message, "reset successfully"));
}

bool v2m_ctl_reset_refused(const json_t *answer)
{
	const char *status = get_string(answer, "status");

	return !reset_was_done(answer) && ((status && strcmp(status, "error") == 0) ||
					   json_is_false(json_object_get(answer, "success")));
}

bool v2m_ctl_figures_read(enum v2m_shape shape, const json_t *answer,
			  struct v2m_ctl_figures *figures)
{
	struct v2m_ctl_figures made = { 0 };
	bool good = false;

	switch (shape) {
	case V2M_SHAPE_SIMPLE:
		good = read_simple(answer, &made);
		break;
	case V2M_SHAPE_PORTS_EXACT:
		good = read_ports_exact(answer, &made);
		break;
	case V2M_SHAPE_EXACT:
		good = read_exact(answer, &made);
		break;
	case V2M_SHAPE_KEY_SIMPLE:
		good = read_key(answer, "traffic", false, &made);
		break;
	case V2M_SHAPE_KEY_PORT_EXACT:
		good = read_key(answer, "port_traffic", false, &made);
		break;
	case V2M_SHAPE_KEY_EXACT:
		good = read_key(answer, "traffic_bytes", true, &made);
		break;
	case V2M_SHAPE_RESET:
		good = reset_was_done(answer);
		break;
	}
	if (good)
		*figures = made;
	else
		v2m_ctl_figures_clear(&made);
	return good;
}

void v2m_ctl_figures_clear(struct v2m_ctl_figures *figures)
{
	free(figures->rows);
	memset(figures, 0, sizeof(*figures));
}

static void name_row(struct v2m_ctl_figure *row, const json_t *keys)
{
	size_t i;
	json_t *key;

	json_array_foreach (keys, i, key) {
		const char *uuid = get_string(key, "uuid");

		if (!uuid || strcasecmp(uuid, row->uuid) != 0)
			continue;
		row->key_id = row->key_id ?: get_string(key, "id");
		row->name = row->name ?: get_string(key, "name");
		if (!row->port)
			get_count(key, "port", &row->port);
		return;
	}
}

void v2m_ctl_figures_name(struct v2m_ctl_figures *figures, const json_t *keys)
{
	for (size_t i = 0; i < figures->n_rows; i++) {
		struct v2m_ctl_figure *row = &figures->rows[i];

		if (row->uuid && (!row->name || !row->key_id || !row->port))
			name_row(row, keys);
	}
}

static int compare_traffic(const void *left, const void *right)
{
	const struct v2m_ctl_figure *a = left;
	const struct v2m_ctl_figure *b = right;

	if (a->rx + a->tx != b->rx + b->tx)
		return a->rx + a->tx > b->rx + b->tx ? -1 : 1;
	return a->port < b->port ? -1 : a->port > b->port;
}

void v2m_ctl_figures_sort(struct v2m_ctl_figures *figures)
{
	if (figures->n_rows)
		qsort(figures->rows, figures->n_rows, sizeof(*figures->rows), compare_traffic);
}
