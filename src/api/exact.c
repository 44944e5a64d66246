// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/exact.h"

/* The answers that consumers fall back to if the simple ones fail. */
#include <stdio.h>

#include "api/parts.h"
#include "base/format.h"
#include "api/body.h"

#define MEGABYTE 1048576.0

static uint64_t count_connections(const struct v2m_snapshot *snapshot)
{
	uint64_t connections = 0;

	for (size_t i = 0; i < snapshot->n_ports; i++)
		connections += snapshot->ports[i].n_connections;
	return connections;
}

/* The bytes of all ports; a shared port counts once. */
static uint64_t count_bytes(const struct v2m_api *api)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < api->snapshot->n_ports; i++)
		bytes = v2m_api_add(
			bytes, v2m_api_figures(api, &api->snapshot->ports[i].since_reset).total);
	return bytes;
}

/* The first key of a port; NULL if no key has the port. */
static const struct v2m_key *find_first_owner(const struct v2m_snapshot *snapshot, uint16_t number,
					      bool *shared)
{
	const struct v2m_key_port *port = v2m_keyset_port(snapshot->keyset, number);

	*shared = port && port->shared;
	return port ? &snapshot->keyset->keys[port->keys[0]] : NULL;
}

static bool has_active_key(const struct v2m_keyset *keyset, uint16_t number)
{
	const struct v2m_key_port *port = v2m_keyset_port(keyset, number);

	for (size_t i = 0; port && i < port->n_keys; i++)
		if (keyset->keys[port->keys[i]].is_active)
			return true;
	return false;
}

static void put_interface(struct v2m_json_writer *json, const struct v2m_interface_view *interface)
{
	uint64_t total = interface->rx_bytes + interface->tx_bytes;

	v2m_put_open(json, interface->name, '{');
	v2m_put_u64(json, "rx_bytes", interface->rx_bytes);
	v2m_put_u64(json, "tx_bytes", interface->tx_bytes);
	v2m_put_u64(json, "total_bytes", total);
	v2m_api_put_formatted(json, "rx", interface->rx_bytes);
	v2m_api_put_formatted(json, "tx", interface->tx_bytes);
	v2m_api_put_formatted(json, "total", total);
	v2m_write_close(json, '}');
}

static void put_system_summary(struct v2m_api *api, const char *name)
{
	const struct v2m_snapshot *snapshot = api->snapshot;
	struct v2m_json_writer *json = &api->json;
	uint64_t total = api->interfaces_rx + api->interfaces_tx;
	uint64_t active = 0;

	for (size_t i = 0; i < snapshot->n_ports; i++)
		active += has_active_key(snapshot->keyset, snapshot->ports[i].port);
	v2m_put_open(json, name, '{');
	v2m_put_u64(json, "total_system_traffic", total);
	v2m_api_put_formatted(json, "total_system_traffic", total);
	v2m_put_u64(json, "active_ports", active);
	v2m_put_open(json, "interface_summary", '{');
	for (size_t i = 0; i < snapshot->n_interfaces; i++)
		put_interface(json, &snapshot->interfaces[i]);
	v2m_write_close(json, '}');
	v2m_api_put_timestamp_int(json, snapshot->real_us);
	v2m_write_close(json, '}');
}

/* The entry is named by the uuid; a shared port has none and is named "port:N". */
static void put_port_by_owner(struct v2m_api *api, const struct v2m_port_view *view)
{
	struct v2m_json_writer *json = &api->json;
	const struct v2m_key *key;
	char name[16];
	bool shared;

	key = find_first_owner(api->snapshot, view->port, &shared);
	snprintf(name, sizeof(name), "port:%u", view->port);
	v2m_put_open(json, key && !shared ? key->uuid : name, '{');
	v2m_put_u64(json, "port", view->port);
	v2m_put_string(json, "key_name", key && !shared ? key->name : NULL);
	v2m_write_name(json, "traffic");
	v2m_api_write_port_entry(api, view);
	v2m_write_close(json, '}');
}

int v2m_api_ports_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body)
{
	struct v2m_json_writer *json;
	struct v2m_api api;
	uint64_t total;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	total = count_bytes(&api);
	v2m_write_open(json, '{');
	v2m_put_open(json, "ports_traffic", '{');
	v2m_put_u64(json, "total_ports", snapshot->n_ports);
	v2m_put_open(json, "ports_traffic", '{');
	for (size_t i = 0; i < snapshot->n_ports; i++)
		put_port_by_owner(&api, &snapshot->ports[i]);
	v2m_write_close(json, '}');
	v2m_put_u64(json, "total_traffic", total);
	v2m_api_put_formatted(json, "total_traffic", total);
	v2m_put_u64(json, "total_connections", count_connections(snapshot));
	v2m_api_put_timestamp_int(json, snapshot->real_us);
	v2m_write_close(json, '}');
	put_system_summary(&api, "system_summary");
	v2m_put_string(json, "source", "port_monitor");
	return v2m_api_close_int(json, snapshot->real_us, body);
}

int v2m_api_system_summary(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			   const void *argument, struct v2m_body *body)
{
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	v2m_write_open(&api.json, '{');
	put_system_summary(&api, "summary");
	return v2m_api_close_int(&api.json, snapshot->real_us, body);
}

int v2m_api_key_port_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			   const void *argument, struct v2m_body *body)
{
	const struct v2m_key *key = argument;
	struct v2m_json_writer *json;
	struct v2m_api api;
	int result;

	if (v2m_api_refuse_key(snapshot, key, body, &result))
		return result;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_write_open(json, '{');
	v2m_api_put_key(json, key);
	v2m_write_name(json, "port_traffic");
	v2m_api_write_key_entry(&api, key);
	v2m_put_string(json, "source", "port_monitor");
	return v2m_api_close_int(json, snapshot->real_us, body);
}

static void put_megabytes(struct v2m_json_writer *json, const char *name, uint64_t bytes)
{
	v2m_put_double(json, name, (double)bytes / MEGABYTE);
}

/* Writes a Stat of docs/openapi.yaml. view NULL: a key without a port, which has no bytes. */
static void write_stat(struct v2m_api *api, const char *uuid, const struct v2m_port_view *view,
		       uint64_t all_connections)
{
	static const struct v2m_port_view none;
	struct v2m_json_writer *json = &api->json;
	struct v2m_api_figures figures;

	view = view ? view : &none;
	figures = v2m_api_figures(api, &view->since_reset);
	v2m_write_open(json, '{');
	v2m_put_string(json, "uuid", uuid);
	v2m_put_u64(json, "uplink_bytes", figures.rx);
	v2m_put_u64(json, "downlink_bytes", figures.tx);
	v2m_put_u64(json, "total_bytes", figures.total);
	v2m_api_put_formatted(json, "uplink", figures.rx);
	v2m_api_put_formatted(json, "downlink", figures.tx);
	v2m_api_put_formatted(json, "total", figures.total);
	put_megabytes(json, "uplink_mb", figures.rx);
	put_megabytes(json, "downlink_mb", figures.tx);
	put_megabytes(json, "total_mb", figures.total);
	v2m_put_u64(json, "connections", view->n_connections);
	v2m_put_fixed(json, "connection_ratio",
		      all_connections
			      ? 100.0 * (double)view->n_connections / (double)all_connections
			      : 0.0,
		      2);
	v2m_put_u64(json, "connections_count", view->n_connections);
	v2m_api_put_timestamp_int(json, api->snapshot->real_us);
	v2m_put_string(json, "source", "precise_monitor");
	v2m_put_string(json, "method", "port_monitor");
	if (view != &none && !uuid)
		v2m_api_put_shared(json, api->snapshot->keyset, view->port);
	v2m_write_close(json, '}');
}

/* Writes a Stat for each key that has its port to itself, then one for each shared port. They add
 * up to the total. */
static void put_stats(struct v2m_api *api)
{
	const struct v2m_snapshot *snapshot = api->snapshot;
	uint64_t connections = count_connections(snapshot);
	bool shared;

	v2m_put_open(&api->json, "keys_stats", '[');
	for (size_t i = 0; i < snapshot->keyset->n_keys; i++) {
		const struct v2m_key *key = &snapshot->keyset->keys[i];
		const struct v2m_port_view *view =
			key->port ? v2m_snapshot_port(snapshot, key->port) : NULL;

		find_first_owner(snapshot, key->port, &shared);
		/* A port that is not counted has no figures, not even zeros. */
		if (!shared && (view || !key->port))
			write_stat(api, key->uuid, view, connections);
	}
	for (size_t i = 0; i < snapshot->n_ports; i++) {
		find_first_owner(snapshot, snapshot->ports[i].port, &shared);
		if (shared)
			write_stat(api, NULL, &snapshot->ports[i], connections);
	}
	v2m_write_close(&api->json, ']');
}

int v2m_api_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body)
{
	char total[V2M_FORMAT_BYTES_LEN];
	struct v2m_json_writer *json;
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_format_bytes(count_bytes(&api), total);
	v2m_write_open(json, '{');
	v2m_put_u64(json, "total_keys", snapshot->keyset->n_keys);
	v2m_put_u64(json, "active_keys", v2m_keyset_count_active(snapshot->keyset));
	v2m_put_string(json, "total_traffic", total);
	v2m_put_open(json, "traffic_stats", '{');
	put_stats(&api);
	v2m_write_close(json, '}');
	v2m_put_string(json, "source", "xray_api");
	v2m_write_close(json, '}');
	return v2m_api_finish(&api.json, 200, body);
}

int v2m_api_key_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body)
{
	const struct v2m_key *key = argument;
	struct v2m_json_writer *json;
	struct v2m_api api;
	int result;

	if (v2m_api_refuse_key(snapshot, key, body, &result))
		return result;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_write_open(json, '{');
	v2m_api_put_key(json, key);
	v2m_write_name(json, "traffic_bytes");
	write_stat(&api, key->uuid, key->port ? v2m_snapshot_port(snapshot, key->port) : NULL,
		   count_connections(snapshot));
	v2m_put_string(json, "source", "precise_monitor");
	v2m_write_close(json, '}');
	return v2m_api_finish(&api.json, 200, body);
}

int v2m_api_key_traffic(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body)
{
	static const struct v2m_port_view none;
	const struct v2m_key *key = argument;
	const struct v2m_port_view *view;
	struct v2m_json_writer *json;
	struct v2m_api_figures figures;
	struct v2m_api api;
	int result;

	if (v2m_api_refuse_key(snapshot, key, body, &result))
		return result;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	view = key->port ? v2m_snapshot_port(snapshot, key->port) : &none;
	figures = v2m_api_figures(&api, &view->since_reset);
	v2m_api_open_success(json);
	v2m_put_string(json, "key_id", key->id);
	v2m_put_string(json, "key_uuid", key->uuid);
	v2m_put_string(json, "key_name", key->name);
	v2m_put_u64(json, "upload", figures.rx);
	v2m_put_u64(json, "download", figures.tx);
	v2m_put_u64(json, "total", figures.total);
	v2m_put_u64(json, "total_bytes", figures.total);
	v2m_put_u64(json, "connections", view->n_connections);
	v2m_put_u64(json, "last_updated", (uint64_t)(snapshot->real_us / 1000000));
	v2m_put_string(json, "source", "simple_monitor");
	v2m_put_string(json, "method", "connection_based_estimation");
	return v2m_api_close_iso(json, snapshot->real_us, body);
}

static void write_status_entry(struct v2m_api *api, const struct v2m_key *key)
{
	const struct v2m_port_view *view =
		key->port ? v2m_snapshot_port(api->snapshot, key->port) : NULL;
	struct v2m_json_writer *json = &api->json;
	bool shared;

	find_first_owner(api->snapshot, key->port, &shared);
	v2m_write_open(json, '{');
	v2m_put_string(json, "key_id", key->id);
	v2m_put_string(json, "key_name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_write_name(json, "simple_traffic");
	v2m_api_write_key_entry(api, key);
	v2m_put_bool(json, "has_traffic_data",
		     view && !shared && v2m_api_figures(api, &view->since_reset).total > 0);
	v2m_write_close(json, '}');
}

int v2m_api_status(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		   const void *argument, struct v2m_body *body)
{
	struct v2m_json_writer *json;
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_write_open(json, '{');
	v2m_put_u64(json, "total_keys", snapshot->keyset->n_keys);
	v2m_put_u64(json, "active_keys", v2m_keyset_count_active(snapshot->keyset));
	v2m_put_bool(json, "simple_monitor_available", true);
	v2m_put_bool(json, "precise_monitor_available", snapshot->mode == V2M_MODE_EBPF);
	v2m_put_open(json, "traffic_stats", '[');
	for (size_t i = 0; i < snapshot->keyset->n_keys; i++)
		write_status_entry(&api, &snapshot->keyset->keys[i]);
	v2m_write_close(json, ']');
	v2m_write_close(json, '}');
	return v2m_api_finish(&api.json, 200, body);
}
