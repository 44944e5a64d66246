// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/exact.h"

/* The answers that consumers fall back to if the simple ones fail. */
#include <stdio.h>

#include "api/entry_write.h"
#include "api/parts.h"
#include "base/format.h"
#include "base/transport.h"
#include "api/body.h"

#define MEGABYTE 1048576.0

static void put_interface(struct v2m_json_writer *json, const struct v2m_interface_view *interface)
{
	uint64_t total = v2m_api_add(interface->rx_bytes, interface->tx_bytes);

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
	uint64_t total = v2m_api_add(api->interfaces_rx, api->interfaces_tx);

	v2m_put_open(json, name, '{');
	v2m_put_u64(json, "total_system_traffic", total);
	v2m_api_put_formatted(json, "total_system_traffic", total);
	v2m_put_u64(json, "active_ports", v2m_api_sum_ports(api).active_ports);
	v2m_put_open(json, "interface_summary", '{');
	for (size_t i = 0; i < snapshot->n_interfaces; i++)
		put_interface(json, &snapshot->interfaces[i]);
	v2m_write_close(json, '}');
	v2m_api_put_timestamp_int(json, snapshot->real_us);
	v2m_write_close(json, '}');
}

/* Whether the bytes of all slots of the entry are known for each key. */
static bool is_attributed(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (!v2m_snapshot_attributes(api->snapshot, v2m_api_entry_slot(api, entry, i)))
			return false;
	return true;
}

/* Whether the key has an entry in a list of all: its bytes are known on all its ports, and if it
 * has ports, at least one of them is counted. The bytes of another key that shares a port are in
 * the entry of that port. */
static bool has_key_entry(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	return is_attributed(api, entry) && (entry->counted || !entry->n_slots);
}

/* Whether a slot has an entry of its own, because its bytes are in the entry of no key. */
static bool has_own_entry(const struct v2m_api *api, size_t index)
{
	const struct v2m_slot *slot = &api->snapshot->keyset->slots.items[index];
	const struct v2m_key *owner = v2m_keyset_owner(api->snapshot->keyset, slot);
	struct v2m_api_entry entry;

	if (slot->behind || !api->snapshot->slots[index].counted)
		return false;
	if (!owner)
		return true;
	v2m_api_entry_of_key(api, owner, &entry);
	return !has_key_entry(api, &entry);
}

/* Makes the entry of such a slot: the bytes that are in the entry of no key. */
static void make_own_entry(const struct v2m_api *api, const size_t *slot,
			   struct v2m_api_entry *entry)
{
	const struct v2m_slot *of = &api->snapshot->keyset->slots.items[*slot];

	if (of->n_keys > 1 && v2m_snapshot_attributes(api->snapshot, of))
		v2m_api_entry_of_rest(api, slot, entry);
	else
		v2m_api_entry_of_slots(api, slot, 1, entry);
}

static void put_entry(struct v2m_api *api, const char *name, const char *key_name, uint16_t port,
		      const struct v2m_api_entry *entry)
{
	v2m_put_open(&api->json, name, '{');
	v2m_put_u64(&api->json, "port", port);
	v2m_put_string(&api->json, "key_name", key_name);
	v2m_write_name(&api->json, "traffic");
	v2m_api_write_entry(api, entry);
	v2m_write_close(&api->json, '}');
}

/* The entry of a key is named by its uuid, that of a slot "port:443". */
static void put_entries(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	struct v2m_api_entry entry;

	for (size_t i = 0; i < keyset->n_keys; i++) {
		const struct v2m_key *key = &keyset->keys[i];

		v2m_api_entry_of_key(api, key, &entry);
		if (entry.n_slots && has_key_entry(api, &entry))
			put_entry(api, key->uuid, key->name, v2m_key_port(key), &entry);
	}
	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];
		char name[32];

		if (!has_own_entry(api, i))
			continue;
		snprintf(name, sizeof(name), "port:%u%s", slot->first_port,
			 slot->transports & V2M_TCP ? "" : "/udp");
		make_own_entry(api, &i, &entry);
		put_entry(api, name, NULL, slot->first_port, &entry);
	}
}

int v2m_api_ports_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body)
{
	struct v2m_json_writer *json;
	struct v2m_api_sums sums;
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	sums = v2m_api_sum_ports(&api);
	v2m_write_open(json, '{');
	v2m_put_open(json, "ports_traffic", '{');
	v2m_put_u64(json, "total_ports", sums.ports);
	v2m_put_open(json, "ports_traffic", '{');
	put_entries(&api);
	v2m_write_close(json, '}');
	v2m_put_u64(json, "total_traffic", sums.bytes);
	v2m_api_put_formatted(json, "total_traffic", sums.bytes);
	v2m_put_u64(json, "total_connections", sums.connections);
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

	if (v2m_api_refuse_key(snapshot, unit, key, body, &result))
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

/* Writes a Stat of docs/openapi.yaml. */
static void write_stat(struct v2m_api *api, const struct v2m_api_entry *entry,
		       uint64_t all_connections)
{
	struct v2m_api_figures figures = v2m_api_figures(api, &entry->totals);
	const char *uuid = entry->key ? entry->key->uuid : NULL;
	struct v2m_json_writer *json = &api->json;

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
	v2m_put_u64(json, "connections", entry->n_connections);
	v2m_put_fixed(json, "connection_ratio",
		      all_connections
			      ? 100.0 * (double)entry->n_connections / (double)all_connections
			      : 0.0,
		      2);
	v2m_put_u64(json, "connections_count", entry->n_connections);
	v2m_api_put_timestamp_int(json, api->snapshot->real_us);
	v2m_put_string(json, "source", "precise_monitor");
	v2m_put_string(json, "method", "port_monitor");
	if (!uuid)
		v2m_api_put_slot_keys(json, api->snapshot->keyset,
				      v2m_api_entry_slot(api, entry, 0));
	v2m_write_close(json, '}');
}

/* Writes a Stat for each key whose figures are known, then one for each slot whose bytes are in
 * none of them. They add up to the total. */
static void put_stats(struct v2m_api *api)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	uint64_t connections = v2m_api_sum_ports(api).connections;
	struct v2m_api_entry entry;

	v2m_put_open(&api->json, "keys_stats", '[');
	for (size_t i = 0; i < keyset->n_keys; i++) {
		v2m_api_entry_of_key(api, &keyset->keys[i], &entry);
		if (has_key_entry(api, &entry))
			write_stat(api, &entry, connections);
	}
	for (size_t i = 0; i < keyset->slots.count; i++) {
		if (!has_own_entry(api, i))
			continue;
		make_own_entry(api, &i, &entry);
		write_stat(api, &entry, connections);
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
	v2m_format_bytes(v2m_api_sum_ports(&api).bytes, total);
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
	struct v2m_api_entry entry;
	struct v2m_api api;
	int result;

	if (v2m_api_refuse_key(snapshot, unit, key, body, &result))
		return result;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_write_open(json, '{');
	v2m_api_put_key(json, key);
	v2m_write_name(json, "traffic_bytes");
	v2m_api_entry_of_key(&api, key, &entry);
	write_stat(&api, &entry, v2m_api_sum_ports(&api).connections);
	v2m_put_string(json, "source", "precise_monitor");
	v2m_write_close(json, '}');
	return v2m_api_finish(&api.json, 200, body);
}

int v2m_api_key_traffic(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body)
{
	const struct v2m_key *key = argument;
	struct v2m_json_writer *json;
	struct v2m_api_figures figures;
	struct v2m_api_entry entry;
	struct v2m_api api;
	int result;

	if (v2m_api_refuse_key(snapshot, unit, key, body, &result))
		return result;
	v2m_api_init(&api, snapshot, unit);
	json = &api.json;
	v2m_api_entry_of_key(&api, key, &entry);
	figures = v2m_api_figures(&api, &entry.totals);
	v2m_api_open_success(json);
	v2m_put_string(json, "key_id", key->id);
	v2m_put_string(json, "key_uuid", key->uuid);
	v2m_put_string(json, "key_name", key->name);
	v2m_put_u64(json, "upload", figures.rx);
	v2m_put_u64(json, "download", figures.tx);
	v2m_put_u64(json, "total", figures.total);
	v2m_put_u64(json, "total_bytes", figures.total);
	v2m_put_u64(json, "connections", entry.n_connections);
	v2m_put_u64(json, "last_updated", (uint64_t)(snapshot->real_us / 1000000));
	v2m_put_string(json, "source", "simple_monitor");
	v2m_put_string(json, "method", "connection_based_estimation");
	return v2m_api_close_iso(json, snapshot->real_us, body);
}

static void write_status_entry(struct v2m_api *api, const struct v2m_key *key)
{
	struct v2m_json_writer *json = &api->json;
	struct v2m_api_entry entry;

	v2m_api_entry_of_key(api, key, &entry);
	v2m_write_open(json, '{');
	v2m_put_string(json, "key_id", key->id);
	v2m_put_string(json, "key_name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_write_name(json, "simple_traffic");
	v2m_api_write_key_entry(api, key);
	v2m_put_bool(json, "has_traffic_data",
		     entry.counted && v2m_snapshot_knows(api->snapshot, key) &&
			     v2m_api_figures(api, &entry.totals).total > 0);
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
