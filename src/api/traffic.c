// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/traffic.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "api/error.h"
#include "api/entry_write.h"
#include "api/parts.h"
#include "base/format.h"
#include "base/macros.h"
#include "base/transport.h"
#include "api/body.h"

/* The ports of one member of the answer. */
struct port_list {
	const char *name;
	bool (*has)(const struct v2m_api *api, const struct v2m_api_entry *entry);
	void (*write)(struct v2m_api *api, const struct v2m_api_entry *entry);
	bool always; /* also if it is empty */
};

static bool is_counted_behind(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	return entry->counted && v2m_api_entry_is_behind(api, entry);
}

static bool is_not_counted(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	(void)api;
	return !entry->counted;
}

/* Consumers add up "ports". The bytes of "behind" are in these sums already. */
static const struct port_list port_lists[] = {
	{ "ports", v2m_api_entry_is_summed, v2m_api_write_entry, true },
	{ "behind", is_counted_behind, v2m_api_write_entry, false },
	{ "not_counted", is_not_counted, v2m_api_write_not_counted, false },
};

static void put_port_list(struct v2m_api *api, const struct port_list *list)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	struct v2m_api_entry entry;
	size_t slots[2];
	size_t n_slots;
	size_t at = 0;
	bool is_open = list->always;

	if (is_open)
		v2m_put_open(&api->json, list->name, '{');
	while (v2m_api_next_port(keyset, &at, slots, &n_slots)) {
		char name[8];

		v2m_api_entry_of_slots(api, slots, n_slots, &entry);
		if (!list->has(api, &entry))
			continue;
		if (!is_open)
			v2m_put_open(&api->json, list->name, '{');
		is_open = true;
		snprintf(name, sizeof(name), "%u", keyset->slots.items[slots[0]].first_port);
		v2m_write_name(&api->json, name);
		list->write(api, &entry);
	}
	if (is_open)
		v2m_write_close(&api->json, '}');
}

int v2m_api_simple(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		   const void *argument, struct v2m_body *body)
{
	struct v2m_json_writer *json;
	struct v2m_api_sums sums;
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	sums = v2m_api_sum_ports(&api);
	json = &api.json;
	v2m_api_open_success(json);
	v2m_put_open(json, "data", '{');
	for (size_t i = 0; i < V2M_ARRAY_LEN(port_lists); i++)
		put_port_list(&api, &port_lists[i]);
	v2m_put_u64(json, "total_connections", sums.connections);
	v2m_put_u64(json, "total_bytes", sums.bytes);
	v2m_put_seconds(json, "timestamp", snapshot->real_us);
	v2m_write_close(json, '}');
	v2m_put_string(json, "source", "simple_monitor");
	return v2m_api_close_iso(json, snapshot->real_us, body);
}

int v2m_api_key_simple(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
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
	v2m_api_open_success(json);
	v2m_api_put_key(json, key);
	v2m_write_name(json, "traffic");
	v2m_api_write_key_entry(&api, key);
	return v2m_api_close_iso(json, snapshot->real_us, body);
}

static void put_peer(struct v2m_api *api, const struct v2m_peer *peer)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool ipv4 = memcmp(peer->address, mapped, sizeof(mapped)) == 0;
	struct v2m_connection remote = { .family = ipv4 ? AF_INET : AF_INET6,
					 .remote_port = peer->remote_port };
	uint64_t now_ns = api->snapshot->connections->mono_ns;
	uint64_t ago_ns = now_ns > peer->seen_ns ? now_ns - peer->seen_ns : 0;
	char endpoint[V2M_FORMAT_ENDPOINT_LEN];

	memcpy(remote.remote, peer->address + (ipv4 ? 12 : 0), ipv4 ? 4 : 16);
	v2m_format_remote(&remote, endpoint);
	v2m_write_open(&api->json, '{');
	v2m_put_string(&api->json, "remote", endpoint);
	v2m_put_fixed(&api->json, "last_seen_s", (double)ago_ns / 1e9, 1);
	v2m_write_close(&api->json, '}');
}

static bool uses_udp(const struct v2m_snapshot *snapshot, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (snapshot->keyset->slots.items[entry->slots[i]].transports & V2M_UDP)
			return true;
	return false;
}

/* Whether the entry of a key may have peers of other keys. A port that is not attributed is refused
 * before, from the first byte that may be another key's. */
static bool mixes_peers(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_slot *slot = v2m_api_entry_slot(api, entry, i);

		if (slot->n_keys > 1 && slot->transports & V2M_UDP &&
		    v2m_snapshot_attributes(api->snapshot, slot))
			return true;
	}
	return false;
}

/* If UDP peers are not observed: an empty list for a key without UDP, otherwise 503. 409 if a port
 * with UDP is shared. */
int v2m_api_key_peers(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body)
{
	const struct v2m_key *key = argument;
	struct v2m_api_entry entry;
	struct v2m_api api;
	int result;

	if (v2m_api_refuse_key(snapshot, unit, key, body, &result))
		return result;
	v2m_api_init(&api, snapshot, unit);
	v2m_api_entry_of_key(&api, key, &entry);
	if (snapshot->mode != V2M_MODE_EBPF && uses_udp(snapshot, &entry))
		return v2m_api_error(503, V2M_CODE_UDP, V2M_DETAIL_UDP_PEERS, body);
	if (mixes_peers(&api, &entry))
		return v2m_api_error(409, V2M_CODE_SHARED_PORT, V2M_DETAIL_SHARED_PEERS, body);
	v2m_api_open_success(&api.json);
	v2m_api_put_key(&api.json, key);
	v2m_put_open(&api.json, "udp_peers", '[');
	for (size_t i = 0; i < entry.n_slots; i++) {
		const struct v2m_slot_view *view = &snapshot->slots[entry.slots[i]];

		for (size_t k = 0; k < view->n_udp_peers; k++)
			put_peer(&api, &view->udp_peers[k]);
	}
	v2m_write_close(&api.json, ']');
	return v2m_api_close_iso(&api.json, snapshot->real_us, body);
}

int v2m_api_keys(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		 struct v2m_body *body)
{
	struct v2m_api api;

	(void)argument;
	v2m_api_init(&api, snapshot, unit);
	v2m_write_open(&api.json, '[');
	for (size_t i = 0; i < snapshot->keyset->n_keys; i++)
		v2m_api_write_key(&api.json, &snapshot->keyset->keys[i]);
	v2m_write_close(&api.json, ']');
	return v2m_api_finish(&api.json, 200, body);
}

int v2m_api_key(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		struct v2m_body *body)
{
	struct v2m_api api;

	v2m_api_init(&api, snapshot, unit);
	v2m_api_write_key(&api.json, argument);
	return v2m_api_finish(&api.json, 200, body);
}

int v2m_api_root(struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };

	v2m_write_open(&json, '{');
	v2m_put_string(&json, "message", "v2meter traffic API");
	v2m_put_string(&json, "version", V2M_VERSION);
	v2m_put_string(&json, "status", "running");
	v2m_write_close(&json, '}');
	return v2m_api_finish(&json, 200, body);
}

int v2m_api_health(const struct v2m_health *health, const char *healthy, struct v2m_body *body)
{
	struct v2m_json_writer json = { 0 };
	const char *status = health->reason[0] ? "degraded" : healthy;

	v2m_write_open(&json, '{');
	v2m_put_string(&json, "status", health->can_serve ? status : "unavailable");
	if (health->reason[0])
		v2m_put_string(&json, "reason", health->reason);
	if (!health->can_serve) {
		v2m_put_string(&json, "detail", V2M_DETAIL_UNREADABLE);
		v2m_put_string(&json, "code", V2M_CODE_UNREADABLE);
	}
	v2m_write_close(&json, '}');
	return v2m_api_finish(&json, health->can_serve ? 200 : 503, body);
}

/* Writes the members of every reset's answer: the key, and what the reset closed. */
static void put_reset(struct v2m_api *api, const struct v2m_reset *reset, const char *asked,
		      bool done)
{
	struct v2m_api_figures closed = v2m_api_figures(api, &reset->closed);
	struct v2m_json_writer *json = &api->json;

	v2m_put_bool(json, "success", done);
	v2m_put_string(json, "key_id", asked);
	v2m_put_string(json, "uuid", reset->uuid[0] ? reset->uuid : NULL);
	if (!done) {
		v2m_put_null(json, "port");
		return;
	}
	v2m_put_u64(json, "port", reset->port);
	v2m_put_u64(json, "previous_upload", closed.rx);
	v2m_put_u64(json, "previous_download", closed.tx);
	v2m_put_u64(json, "previous_total", closed.total);
}

static int render_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
			bool done, bool key_uuid, struct v2m_body *body)
{
	struct v2m_api api = { .unit = unit };
	struct v2m_json_writer *json = &api.json;

	v2m_write_open(json, '{');
	v2m_put_string(json, "status", done ? "success" : "error");
	v2m_put_string(json, "message",
		       done ? "Traffic stats reset successfully" : "Failed to reset traffic stats");
	put_reset(&api, reset, asked, done);
	if (key_uuid)
		v2m_put_string(json, "key_uuid", reset->uuid[0] ? reset->uuid : NULL);
	return v2m_api_close_iso(json, reset->real_us, body);
}

int v2m_api_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		  bool done, struct v2m_body *body)
{
	return render_reset(reset, unit, asked, done, false, body);
}

int v2m_api_key_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		      bool done, struct v2m_body *body)
{
	return render_reset(reset, unit, asked, done, true, body);
}

int v2m_api_port_reset(const struct v2m_reset *reset, enum v2m_api_bytes unit, const char *asked,
		       bool done, struct v2m_body *body)
{
	struct v2m_api api = { .unit = unit };
	struct v2m_json_writer *json = &api.json;

	v2m_write_open(json, '{');
	v2m_put_string(json, "message",
		       done ? "Port traffic stats reset successfully"
			    : "Failed to reset port traffic stats");
	put_reset(&api, reset, asked, done);
	v2m_put_string(json, "source", "port_monitor");
	return v2m_api_close_int(json, reset->real_us, body);
}
