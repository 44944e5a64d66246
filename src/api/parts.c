// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/parts.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/transport.h"
#include "api/body.h"
#include "api/error.h"

void v2m_api_init(struct v2m_api *api, const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit)
{
	memset(api, 0, sizeof(*api));
	api->snapshot = snapshot;
	api->unit = unit;
	for (size_t i = 0; i < snapshot->n_interfaces; i++) {
		api->interfaces_rx =
			v2m_api_add(api->interfaces_rx, snapshot->interfaces[i].rx_bytes);
		api->interfaces_tx =
			v2m_api_add(api->interfaces_tx, snapshot->interfaces[i].tx_bytes);
	}
}

void v2m_api_open_success(struct v2m_json_writer *json)
{
	v2m_write_open(json, '{');
	v2m_put_string(json, "status", "success");
}

int v2m_api_close_iso(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body)
{
	v2m_api_put_timestamp_iso(json, real_us);
	v2m_write_close(json, '}');
	return v2m_api_finish(json, 200, body);
}

int v2m_api_close_int(struct v2m_json_writer *json, int64_t real_us, struct v2m_body *body)
{
	v2m_api_put_timestamp_int(json, real_us);
	v2m_write_close(json, '}');
	return v2m_api_finish(json, 200, body);
}

struct v2m_api_figures v2m_api_figures(const struct v2m_api *api, const struct v2m_totals *totals)
{
	bool wire = api->unit == V2M_API_BYTES_WIRE;
	struct v2m_api_figures figures = {
		.rx = wire ? totals->rx.wire_bytes : totals->rx.payload_bytes,
		.tx = wire ? totals->tx.wire_bytes : totals->tx.payload_bytes,
	};

	/* Neither is above 2^63 - 1: their sum is exact. */
	figures.total = figures.rx + figures.tx;
	return figures;
}

void v2m_api_put_timestamp_iso(struct v2m_json_writer *json, int64_t real_us)
{
	char text[V2M_FORMAT_TIME_LEN];

	v2m_format_time(real_us, text);
	v2m_put_string(json, "timestamp", text);
}

void v2m_api_put_timestamp_int(struct v2m_json_writer *json, int64_t real_us)
{
	v2m_put_u64(json, "timestamp", (uint64_t)(real_us / 1000000));
}

void v2m_api_put_formatted(struct v2m_json_writer *json, const char *name, uint64_t bytes)
{
	char member[64];
	char text[V2M_FORMAT_BYTES_LEN];

	snprintf(member, sizeof(member), "%s_formatted", name);
	v2m_format_bytes(bytes, text);
	v2m_put_string(json, member, text);
}

void v2m_api_put_port(struct v2m_json_writer *json, uint16_t port)
{
	if (port)
		v2m_put_u64(json, "port", port);
	else
		v2m_put_null(json, "port");
}

void v2m_api_write_key(struct v2m_json_writer *json, const struct v2m_key *key)
{
	v2m_write_open(json, '{');
	v2m_put_string(json, "id", key->id);
	v2m_put_string(json, "name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_put_string(json, "created_at", key->created_at);
	v2m_put_bool(json, "is_active", key->is_active);
	v2m_api_put_port(json, key->port);
	if (key->short_id)
		v2m_put_string(json, "short_id", key->short_id);
	if (key->sni)
		v2m_put_string(json, "sni", key->sni);
	v2m_write_close(json, '}');
}

void v2m_api_put_key(struct v2m_json_writer *json, const struct v2m_key *key)
{
	v2m_write_name(json, "key");
	v2m_api_write_key(json, key);
}

static void put_interface_traffic(struct v2m_api *api)
{
	struct v2m_json_writer *json = &api->json;

	v2m_put_open(json, "interface_traffic", '{');
	v2m_put_u64(json, "rx_bytes", api->interfaces_rx);
	v2m_put_u64(json, "tx_bytes", api->interfaces_tx);
	v2m_put_u64(json, "total_bytes", v2m_api_add(api->interfaces_rx, api->interfaces_tx));
	v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
	v2m_write_close(json, '}');
}

/* Writes what ss does not print, if the kernel told it: then all of it is known, tcp_header too. */
static void put_tcp_details(struct v2m_api *api, const struct v2m_connection *connection)
{
	uint64_t now_ns = api->snapshot->connections ? api->snapshot->connections->mono_ns : 0;
	struct v2m_json_writer *json = &api->json;

	if (!connection->tcp_header)
		return;
	v2m_put_u64(json, "rx_bytes", connection->rx_bytes);
	v2m_put_u64(json, "tx_bytes", connection->tx_bytes);
	v2m_put_fixed(json, "rtt_ms", (double)connection->rtt_us / 1e3, 3);
	v2m_put_u64(json, "retransmits", connection->retransmits);
	if (connection->opened_ns && now_ns >= connection->opened_ns)
		v2m_put_fixed(json, "age_s", (double)(now_ns - connection->opened_ns) / 1e9, 1);
}

/* The list is limited: a port with 100,000 connections would make the answer about all keys 10 MB
 * long. */
static void put_connection_details(struct v2m_api *api, const struct v2m_port_view *view)
{
	size_t max = api->snapshot->connection_details_max;
	size_t count = view->n_connections < max ? view->n_connections : max;
	struct v2m_json_writer *json = &api->json;
	char endpoint[V2M_FORMAT_ENDPOINT_LEN];

	v2m_put_open(json, "connection_details", '[');
	for (size_t i = 0; i < count; i++) {
		const struct v2m_connection *connection = &view->connections[i];

		v2m_write_open(json, '{');
		v2m_format_local(connection, endpoint);
		v2m_put_string(json, "local", endpoint);
		v2m_format_remote(connection, endpoint);
		v2m_put_string(json, "remote", endpoint);
		v2m_put_string(json, "state", v2m_format_state(connection->state));
		put_tcp_details(api, connection);
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
	if (count < view->n_connections)
		v2m_put_bool(json, "connection_details_truncated", true);
}

/* True if the peers that the port sends datagrams to are observed. */
static bool knows_udp_peers(const struct v2m_snapshot *snapshot, uint16_t number)
{
	const struct v2m_key_port *port = v2m_keyset_port(snapshot->keyset, number);

	return snapshot->mode == V2M_MODE_EBPF && port && (port->transports & V2M_UDP);
}

static void put_sessions(struct v2m_json_writer *json, const struct v2m_sessions_view *sessions)
{
	if (!sessions->since_us)
		return;
	v2m_put_open(json, "sessions", '{');
	v2m_put_u64(json, "opened", sessions->opened);
	v2m_put_u64(json, "closed", sessions->closed);
	v2m_put_u64(json, "rx_bytes", sessions->rx_bytes);
	v2m_put_u64(json, "tx_bytes", sessions->tx_bytes);
	v2m_put_seconds(json, "since", sessions->since_us);
	v2m_write_close(json, '}');
}

void v2m_api_put_accounting(struct v2m_api *api)
{
	bool exact = api->snapshot->mode == V2M_MODE_EBPF;
	struct v2m_json_writer *json = &api->json;

	v2m_put_open(json, "accounting", '{');
	v2m_put_string(json, "mode", exact ? "ebpf" : "socket_stats");
	v2m_put_bool(json, "exact", exact);
	v2m_put_string(json, "unit", api->unit == V2M_API_BYTES_WIRE ? "wire" : "payload");
	if (!exact)
		v2m_put_string(json, "reason",
			       api->snapshot->mode_reason ? api->snapshot->mode_reason : "");
	v2m_write_close(json, '}');
}

void v2m_api_put_shared(struct v2m_json_writer *json, const struct v2m_keyset *keyset,
			uint16_t number)
{
	const struct v2m_key_port *port = v2m_keyset_port(keyset, number);

	v2m_put_bool(json, "shared", true);
	v2m_put_open(json, "keys", '[');
	for (size_t i = 0; port && i < port->n_keys; i++) {
		v2m_write_open(json, '{');
		v2m_put_string(json, "id", keyset->keys[port->keys[i]].id);
		v2m_put_string(json, "name", keyset->keys[port->keys[i]].name);
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
}

/* Writes whose the port is. A shared port has no uuid: a consumer that knows nothing of sharing
 * finds nobody to bill. */
static void put_owners(struct v2m_json_writer *json, const struct v2m_keyset *keyset,
		       uint16_t number)
{
	const struct v2m_key_port *port = v2m_keyset_port(keyset, number);
	const struct v2m_key *first = port ? &keyset->keys[port->keys[0]] : NULL;
	bool shared = port && port->shared;
	bool active = false;

	for (size_t i = 0; port && i < port->n_keys; i++)
		active |= keyset->keys[port->keys[i]].is_active;
	v2m_put_string(json, "uuid", first && !shared ? first->uuid : NULL);
	v2m_put_string(json, "key_name", first && !shared ? first->name : NULL);
	v2m_put_string(json, "key_id", first && !shared ? first->id : NULL);
	v2m_put_bool(json, "is_active", active);
	if (shared)
		v2m_api_put_shared(json, keyset, number);
}

void v2m_api_write_port_entry(struct v2m_api *api, const struct v2m_port_view *view)
{
	struct v2m_api_figures figures = v2m_api_figures(api, &view->since_reset);
	const struct v2m_totals *totals = &view->since_reset;
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '{');
	v2m_put_u64(json, "port", view->port);
	v2m_put_u64(json, "connections", view->n_connections);
	v2m_put_u64(json, "total_bytes", figures.total);
	v2m_put_u64(json, "rx_bytes", figures.rx);
	v2m_put_u64(json, "tx_bytes", figures.tx);
	v2m_api_put_formatted(json, "total", figures.total);
	v2m_api_put_formatted(json, "rx", figures.rx);
	v2m_api_put_formatted(json, "tx", figures.tx);
	v2m_put_fixed(json, "traffic_rate", view->rate_bytes_s, 2);
	put_interface_traffic(api);
	put_connection_details(api, view);
	put_sessions(json, &view->sessions);
	if (knows_udp_peers(api->snapshot, view->port))
		v2m_put_u64(json, "udp_peers", view->n_udp_peers);
	v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
	v2m_put_string(json, "source", "simple_monitor");
	v2m_put_string(json, "method", "connection_based_estimation");
	put_owners(json, api->snapshot->keyset, view->port);
	v2m_put_u64(json, "rx_packets", totals->rx.packets);
	v2m_put_u64(json, "tx_packets", totals->tx.packets);
	v2m_put_u64(json, "payload_rx_bytes", totals->rx.payload_bytes);
	v2m_put_u64(json, "payload_tx_bytes", totals->tx.payload_bytes);
	v2m_api_put_accounting(api);
	v2m_write_close(json, '}');
}

static void write_no_port(struct v2m_api *api, const struct v2m_key *key)
{
	struct v2m_json_writer *json = &api->json;
	char text[V2M_SUBJECT_LEN + 64];

	snprintf(text, sizeof(text), "No port found for UUID: %s", key->uuid);
	v2m_write_open(json, '{');
	v2m_put_string(json, "error", text);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_put_null(json, "port");
	v2m_put_u64(json, "total_bytes", 0);
	v2m_put_u64(json, "connections", 0);
	v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
	v2m_write_close(json, '}');
}

/* Says why the snapshot does not have a port. */
static void explain_not_counted(const struct v2m_snapshot *snapshot,
				const struct v2m_key_port *port, const char **code,
				const char **detail)
{
	bool udp = snapshot->mode == V2M_MODE_SOCKET_STATS && port->transports == V2M_UDP;

	/* A port that is not UDP is missing if there are more ports than can be monitored. */
	*code = udp ? V2M_CODE_UDP : "not_counted";
	*detail = udp ? V2M_DETAIL_UDP : "The port of this key is not being counted.";
}

void v2m_api_write_not_counted(struct v2m_api *api, const struct v2m_key_port *port)
{
	struct v2m_json_writer *json = &api->json;
	const char *code;
	const char *detail;

	explain_not_counted(api->snapshot, port, &code, &detail);
	v2m_write_open(json, '{');
	v2m_put_string(json, "error", detail);
	v2m_put_string(json, "code", code);
	v2m_put_u64(json, "port", port->port);
	put_owners(json, api->snapshot->keyset, port->port);
	v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
	v2m_write_close(json, '}');
}

/* The status to answer with if the key's figures are not known, with the reason; 0: they are. */
static int find_refusal(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
			const char **code, const char **detail)
{
	const struct v2m_key_port *port =
		key->port ? v2m_keyset_port(snapshot->keyset, key->port) : NULL;

	if (port && port->shared) {
		*code = V2M_CODE_SHARED_PORT;
		*detail = V2M_DETAIL_SHARED_PORT;
		return 409;
	}
	/* A port that is not counted has no figures, not even zeros. */
	if (port && !v2m_snapshot_port(snapshot, key->port)) {
		explain_not_counted(snapshot, port, code, detail);
		return 503;
	}
	return 0;
}

void v2m_api_write_key_entry(struct v2m_api *api, const struct v2m_key *key)
{
	struct v2m_json_writer *json = &api->json;
	const char *code;
	const char *detail;

	if (!key->port) {
		write_no_port(api, key);
	} else if (find_refusal(api->snapshot, key, &code, &detail)) {
		v2m_write_open(json, '{');
		v2m_put_string(json, "error", detail);
		v2m_put_string(json, "code", code);
		v2m_put_string(json, "uuid", key->uuid);
		v2m_put_u64(json, "port", key->port);
		v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
		v2m_write_close(json, '}');
	} else {
		v2m_api_write_port_entry(api, v2m_snapshot_port(api->snapshot, key->port));
	}
}

bool v2m_api_refuse_key(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
			struct v2m_body *body, int *result)
{
	const char *code;
	const char *detail;
	int status = find_refusal(snapshot, key, &code, &detail);

	if (status)
		*result = v2m_api_error(status, code, detail, body);
	return status != 0;
}
