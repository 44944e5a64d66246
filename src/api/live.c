// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/live.h"

#include <stdio.h>

#include "api/parts.h"
#include "base/macros.h"

/* The columns of a row, in this order. */
static const char *const columns[] = {
	"subject", "rx_bytes", "tx_bytes", "lifetime_bytes", "connections", "traffic_rate",
};

static void put_columns(struct v2m_json_writer *json)
{
	v2m_put_open(json, "columns", '[');
	for (size_t i = 0; i < V2M_ARRAY_LEN(columns); i++)
		v2m_write_string(json, columns[i]);
	v2m_write_close(json, ']');
}

static void name_port(uint16_t port, char name[static 16])
{
	snprintf(name, 16, "port:%u", port);
}

/* subject: the id of a key, or port:N. */
static void write_row(struct v2m_api *api, const char *subject, const struct v2m_port_view *view)
{
	struct v2m_api_figures figures = v2m_api_figures(api, &view->since_reset);
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '[');
	v2m_write_string(json, subject);
	v2m_write_u64(json, figures.rx);
	v2m_write_u64(json, figures.tx);
	v2m_write_u64(json, v2m_api_figures(api, &view->lifetime).total);
	v2m_write_u64(json, view->n_connections);
	v2m_write_fixed(json, view->rate_bytes_s, 0);
	v2m_write_close(json, ']');
}

/* Whose bytes a row has: a key that has its port to itself, or all keys of a shared port. */
static void put_rows(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	char name[16];

	v2m_put_open(&api->json, "rows", '[');
	for (size_t i = 0; i < api->snapshot->n_ports; i++) {
		const struct v2m_port_view *view = &api->snapshot->ports[i];
		const struct v2m_key_port *port = v2m_keyset_port(keyset, view->port);

		name_port(view->port, name);
		write_row(api, port->shared ? name : keyset->keys[port->keys[0]].id, view);
	}
	v2m_write_close(&api->json, ']');
}

static void put_shared(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	char name[16];

	v2m_put_open(&api->json, "shared", '{');
	for (size_t i = 0; i < keyset->n_ports; i++) {
		const struct v2m_key_port *port = &keyset->ports[i];

		if (!port->shared)
			continue;
		name_port(port->port, name);
		v2m_put_open(&api->json, name, '[');
		for (size_t k = 0; k < port->n_keys; k++)
			v2m_write_string(&api->json, keyset->keys[port->keys[k]].id);
		v2m_write_close(&api->json, ']');
	}
	v2m_write_close(&api->json, '}');
}

/* Keys with a port that the snapshot does not have. They have no row, not even one of zeros. */
static void put_not_counted(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;

	v2m_put_open(&api->json, "not_counted", '[');
	for (size_t i = 0; i < keyset->n_keys; i++)
		if (keyset->keys[i].port && !v2m_snapshot_port(api->snapshot, keyset->keys[i].port))
			v2m_write_string(&api->json, keyset->keys[i].id);
	v2m_write_close(&api->json, ']');
}

int v2m_api_live(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		 struct v2m_body *body)
{
	struct v2m_json_writer *json;
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_api_open_success(json);
	v2m_put_open(json, "data", '{');
	v2m_put_seconds(json, "clock_s", (int64_t)(snapshot->mono_ns / 1000));
	v2m_put_u64(json, "total_keys", snapshot->keyset->n_keys);
	v2m_api_put_accounting(&api);
	put_columns(json);
	put_rows(&api);
	put_shared(&api);
	put_not_counted(&api);
	v2m_write_close(json, '}');
	return v2m_api_close_iso(json, snapshot->real_us, body);
}
