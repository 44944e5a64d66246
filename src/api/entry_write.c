// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/entry_write.h"

#include <stdio.h>

#include "api/error.h"
#include "base/format.h"
#include "base/transport.h"

/* Less comes from programs that look whether a port is open. */
#define LOCAL_BYTES_MIN 65536

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

static void put_connection(struct v2m_api *api, const struct v2m_connection *connection)
{
	struct v2m_json_writer *json = &api->json;
	char endpoint[V2M_FORMAT_ENDPOINT_LEN];

	v2m_write_open(json, '{');
	v2m_format_local(connection, endpoint);
	v2m_put_string(json, "local", endpoint);
	v2m_format_remote(connection, endpoint);
	v2m_put_string(json, "remote", endpoint);
	v2m_put_string(json, "state", v2m_format_state(connection->state));
	put_tcp_details(api, connection);
	v2m_write_close(json, '}');
}

/* The list is limited: a port with 100,000 connections would make the answer about all keys 10 MB
 * long. */
static void put_connection_details(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	size_t left = api->snapshot->connection_details_max;

	v2m_put_open(&api->json, "connection_details", '[');
	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_slot *slot = v2m_api_entry_slot(api, entry, i);
		const struct v2m_slot_view *view = &api->snapshot->slots[entry->slots[i]];

		for (size_t k = 0; k < view->n_connections && left; k++) {
			if (entry->key && !v2m_api_is_connection_of(api->snapshot, entry->key, slot,
								    &view->connections[k]))
				continue;
			put_connection(api, &view->connections[k]);
			left--;
		}
	}
	v2m_write_close(&api->json, ']');
	if (entry->n_connections > api->snapshot->connection_details_max)
		v2m_put_bool(&api->json, "connection_details_truncated", true);
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

/* The words and sentences of docs/openapi.yaml and docs/shared-ports.md. */
static const char *method_word(enum v2m_attribution_method method)
{
	static const char *const words[V2M_N_ATTRIBUTION_METHODS] = {
		[V2M_NOT_ATTRIBUTED] = "none",
		[V2M_BY_ACCESS_LOG] = "access_log",
		[V2M_BY_ONLINE_USERS] = "online_users",
	};

	return words[method];
}

static const char *gap_text(enum v2m_attribution_gap gap)
{
	static const char *const texts[V2M_N_ATTRIBUTION_GAPS] = {
		[V2M_GAP_BEGAN] = "bytes were counted before the access log was followed",
		[V2M_GAP_NO_LOG] = "the access log was missing or could not be read",
		[V2M_GAP_LOG_CUT] =
			"the access log was cut, and lines that were not read yet may be lost",
		[V2M_GAP_MASKED] = "the proxy masks addresses in its access log (log.maskAddress)",
		[V2M_GAP_DOUBTFUL] = "a customer may have written lines of the access log",
		[V2M_GAP_DISPUTED] = "the access log names several users for one connection",
		[V2M_GAP_HIDDEN] =
			"the access log has addresses without a connection, as behind a proxy",
		[V2M_GAP_FULL] = "there are more connections than can be attributed",
		[V2M_GAP_NAMELESS_UDP] =
			"the access log names nobody for a UDP peer that the server has answered",
		[V2M_GAP_NAMELESS_TCP] =
			"the access log names nobody for connections of more than 1 MiB",
		[V2M_GAP_NO_LIST] = "the proxy did not say which users are online",
		[V2M_GAP_SHARED_ADDRESS] = "several users were online from one address",
		[V2M_GAP_UNLISTED] =
			"the proxy's list of online users named nobody for a connection",
		[V2M_GAP_LATE] = "the access log was not read in time",
		[V2M_GAP_DROPPED] = "the proxy may have dropped lines of its access log",
	};

	return texts[gap];
}

/* Finds the gap that was last, over the attributed slots of the entry. NULL: none of its slots is
 * attributed. */
static const struct v2m_attribution_view *find_attribution(const struct v2m_api *api,
							   const struct v2m_api_entry *entry)
{
	const struct v2m_attribution_view *found = NULL;

	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_attribution_view *view =
			&api->snapshot->slots[entry->slots[i]].attribution;

		if (view->method && (!found || view->gap_us > found->gap_us))
			found = view;
	}
	return found;
}

/* Writes how the bytes of shared ports were attributed. A gap before the key's last reset does not
 * matter for the key. */
static void put_attribution(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_attribution_view *view = find_attribution(api, entry);
	struct v2m_json_writer *json = &api->json;
	struct v2m_totals rest = { 0 };
	int64_t since_us;
	bool complete;

	if (!view)
		return;
	for (size_t i = 0; i < entry->n_slots; i++)
		rest = v2m_totals_add(rest, api->snapshot->slots[entry->slots[i]].unattributed);
	since_us = entry->key ? v2m_snapshot_key(api->snapshot, entry->key)->reset_us : 0;
	complete = view->gap_us <= since_us;
	v2m_put_open(json, "attribution", '{');
	v2m_put_string(json, "method", method_word(view->method));
	v2m_put_bool(json, "complete", complete);
	if (!complete)
		v2m_put_string(json, "reason", gap_text(view->gap));
	v2m_put_u64(json, "unattributed_bytes", v2m_api_figures(api, &rest).total);
	v2m_write_close(json, '}');
}

/* How the bytes of an entry can pass without being counted. */
struct missed {
	uint64_t local_bytes;
	uint64_t local_connections;
	uint64_t local_senders;
	uint64_t delivered;
	uint64_t counted;
	bool loopback; /* a slot is counted on the loopback device */
	bool repeats;  /* delivered bytes may be counted twice */
};

static struct missed find_missed(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	struct missed missed = { 0 };

	for (size_t i = 0; entry && i < entry->n_slots; i++) {
		const struct v2m_slot_view *view = &api->snapshot->slots[entry->slots[i]];

		missed.local_bytes = v2m_api_add(missed.local_bytes, view->local_bytes);
		missed.local_connections += view->local_connections;
		missed.local_senders += view->local_senders;
		missed.delivered = v2m_api_add(missed.delivered, view->missed_delivered);
		missed.counted = v2m_api_add(missed.counted, view->missed_counted);
		missed.loopback |= v2m_api_entry_slot(api, entry, i)->loopback;
		missed.repeats |= view->repeats;
	}
	return missed;
}

/* NULL: the figures are exact. */
static const char *find_reason(struct v2m_api *api, const struct v2m_api_entry *entry,
			       const struct missed *missed)
{
	if (api->snapshot->mode != V2M_MODE_EBPF)
		return api->snapshot->mode_reason ? api->snapshot->mode_reason : "";
	if (missed->local_bytes >= LOCAL_BYTES_MIN)
		return "connections from this host itself pass lo, where the port is not counted";
	if (missed->local_senders)
		return "UDP sockets of this host itself send over lo, where the port is not "
		       "counted";
	if (missed->delivered)
		return "connections deliver bytes that are not counted";
	if (entry && v2m_api_entry_is_visited(api, entry))
		return "visitors of a fallback of the inbound are counted as well";
	if (missed->repeats && api->unit == V2M_API_BYTES_DELIVERED)
		return "bytes that MPTCP connections send again are counted twice on this kernel";
	return NULL;
}

static void put_missed(struct v2m_json_writer *json, const struct missed *missed)
{
	if (missed->loopback)
		v2m_put_string(json, "note",
			       "counted on lo, whose packets are large: the figures have few "
			       "headers, and are up to 5 % below those of a wire");
	if (missed->local_bytes || missed->local_senders) {
		v2m_put_open(json, "uncounted_local", '{');
		v2m_put_u64(json, "connections", missed->local_connections);
		v2m_put_u64(json, "payload_bytes", missed->local_bytes);
		if (missed->local_senders)
			v2m_put_u64(json, "udp_sockets", missed->local_senders);
		v2m_write_close(json, '}');
	}
	if (missed->delivered) {
		v2m_put_open(json, "uncounted", '{');
		v2m_put_u64(json, "delivered_bytes", missed->delivered);
		v2m_put_u64(json, "counted_bytes", missed->counted);
		v2m_write_close(json, '}');
	}
	if (missed->repeats)
		v2m_put_bool(json, "delivered_exact", false);
}

void v2m_api_put_accounting(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	static const char *const units[] = {
		[V2M_API_BYTES_WIRE] = "wire",
		[V2M_API_BYTES_PAYLOAD] = "payload",
		[V2M_API_BYTES_DELIVERED] = "delivered",
	};
	bool counted = api->snapshot->mode == V2M_MODE_EBPF;
	struct missed missed = find_missed(api, entry);
	const char *reason = find_reason(api, entry, &missed);
	struct v2m_json_writer *json = &api->json;

	v2m_put_open(json, "accounting", '{');
	v2m_put_string(json, "mode", counted ? "ebpf" : "socket_stats");
	v2m_put_bool(json, "exact", !reason);
	v2m_put_string(json, "unit", units[api->unit]);
	if (reason)
		v2m_put_string(json, "reason", reason);
	if (counted)
		put_missed(json, &missed);
	if (entry)
		put_attribution(api, entry);
	v2m_write_close(json, '}');
}

/* Writes the figures of the key on each of its ports. */
static void put_by_port(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	struct v2m_json_writer *json = &api->json;

	v2m_put_open(json, "by_port", '[');
	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_slot *slot = v2m_api_entry_slot(api, entry, i);
		const struct v2m_slot_view *view = &api->snapshot->slots[entry->slots[i]];
		struct v2m_totals share = v2m_snapshot_share(api->snapshot, entry->key, slot);
		struct v2m_api_figures figures = v2m_api_figures(api, &share);

		v2m_write_open(json, '{');
		v2m_write_name(json, "port");
		v2m_api_write_ports(json, slot->first_port, slot->last_port);
		v2m_put_string(json, "transport", v2m_format_transports(slot->transports));
		if (view->counted) {
			v2m_api_put_figures(json, &figures);
			v2m_put_u64(json, "connections",
				    v2m_api_count_connections(api->snapshot, entry->key, slot));
		}
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
}

static void put_port_members(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	uint16_t first_port = v2m_api_entry_slot(api, entry, 0)->first_port;
	uint16_t last_port = first_port;
	char range[V2M_SPAN_TEXT_LEN];

	v2m_put_u64(&api->json, "port", entry->key ? v2m_key_port(entry->key) : first_port);
	for (size_t i = 0; i < entry->n_slots; i++)
		if (v2m_api_entry_slot(api, entry, i)->last_port > last_port)
			last_port = v2m_api_entry_slot(api, entry, i)->last_port;
	if (entry->key || first_port == last_port)
		return;
	v2m_span_format(first_port, last_port, range);
	v2m_put_string(&api->json, "ports", range);
}

void v2m_api_write_entry(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	struct v2m_api_figures figures = v2m_api_figures(api, &entry->totals);
	const struct v2m_totals *totals = &entry->totals;
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '{');
	put_port_members(api, entry);
	v2m_put_u64(json, "connections", entry->n_connections);
	v2m_put_u64(json, "total_bytes", figures.total);
	v2m_put_u64(json, "rx_bytes", figures.rx);
	v2m_put_u64(json, "tx_bytes", figures.tx);
	v2m_api_put_formatted(json, "total", figures.total);
	v2m_api_put_formatted(json, "rx", figures.rx);
	v2m_api_put_formatted(json, "tx", figures.tx);
	v2m_put_fixed(json, "traffic_rate", entry->rate_bytes_s, 2);
	put_interface_traffic(api);
	put_connection_details(api, entry);
	put_sessions(json, &entry->sessions);
	if (entry->knows_udp_peers)
		v2m_put_u64(json, "udp_peers", entry->n_udp_peers);
	v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
	v2m_put_string(json, "source", "simple_monitor");
	v2m_put_string(json, "method", "connection_based_estimation");
	v2m_api_put_owners(api, entry);
	if (v2m_api_entry_is_behind(api, entry))
		v2m_put_bool(json, "behind", true);
	if (entry->key && entry->n_slots > 1)
		put_by_port(api, entry);
	v2m_put_u64(json, "rx_packets", totals->rx.packets);
	v2m_put_u64(json, "tx_packets", totals->tx.packets);
	v2m_put_u64(json, "payload_rx_bytes", totals->rx.payload_bytes);
	v2m_put_u64(json, "payload_tx_bytes", totals->tx.payload_bytes);
	if (entry->knows_delivered) {
		v2m_put_u64(json, "delivered_rx_bytes", totals->delivered_rx);
		v2m_put_u64(json, "delivered_tx_bytes", totals->delivered_tx);
	}
	v2m_api_put_accounting(api, entry);
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

/* Says why the slots of the entry are not counted. */
static void explain_not_counted(const struct v2m_api *api, const struct v2m_api_entry *entry,
				const char **code, const char **detail)
{
	bool udp = api->snapshot->mode == V2M_MODE_SOCKET_STATS;

	for (size_t i = 0; i < entry->n_slots; i++)
		udp = udp && v2m_api_entry_slot(api, entry, i)->transports == V2M_UDP &&
		      !v2m_api_entry_slot(api, entry, i)->refused;
	/* A slot that is not UDP is missing if there are more slots than can be counted. */
	*code = udp ? V2M_CODE_UDP : "not_counted";
	*detail = udp ? V2M_DETAIL_UDP : "The port of this key is not being counted.";
}

void v2m_api_write_not_counted(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	struct v2m_json_writer *json = &api->json;
	const char *code;
	const char *detail;

	explain_not_counted(api, entry, &code, &detail);
	v2m_write_open(json, '{');
	v2m_put_string(json, "error", detail);
	v2m_put_string(json, "code", code);
	put_port_members(api, entry);
	v2m_api_put_owners(api, entry);
	v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
	v2m_write_close(json, '}');
}

/* The status to answer with if the key's figures are not known, with the reason; 0: they are. */
static int find_refusal(const struct v2m_api *api, const struct v2m_api_entry *entry,
			const char **code, const char **detail)
{
	if (!v2m_snapshot_knows(api->snapshot, entry->key)) {
		*code = V2M_CODE_SHARED_PORT;
		*detail = V2M_DETAIL_SHARED_PORT;
		return 409;
	}
	/* A key without a counted slot has no figures, not even zeros. */
	if (entry->n_slots && !entry->counted) {
		explain_not_counted(api, entry, code, detail);
		return 503;
	}
	return 0;
}

/* Writes what a key that shares a port has counted by itself since its last reset. */
static void put_counted_alone(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	struct v2m_api_figures figures = v2m_api_figures(api, &entry->totals);

	v2m_put_open(&api->json, "counted_alone", '{');
	v2m_api_put_figures(&api->json, &figures);
	v2m_write_close(&api->json, '}');
}

void v2m_api_write_key_entry(struct v2m_api *api, const struct v2m_key *key)
{
	struct v2m_json_writer *json = &api->json;
	struct v2m_api_entry entry;
	const char *code;
	const char *detail;
	int status;

	v2m_api_entry_of_key(api, key, &entry);
	status = find_refusal(api, &entry, &code, &detail);
	if (!entry.n_slots) {
		write_no_port(api, key);
	} else if (status) {
		v2m_write_open(json, '{');
		v2m_put_string(json, "error", detail);
		v2m_put_string(json, "code", code);
		v2m_put_string(json, "uuid", key->uuid);
		v2m_put_u64(json, "port", v2m_key_port(key));
		if (status == 409)
			put_counted_alone(api, &entry);
		v2m_put_seconds(json, "timestamp", api->snapshot->real_us);
		v2m_write_close(json, '}');
	} else {
		v2m_api_write_entry(api, &entry);
	}
}

bool v2m_api_refuse_key(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const struct v2m_key *key, struct v2m_body *body, int *result)
{
	struct v2m_api api = { .snapshot = snapshot, .unit = unit };
	struct v2m_api_entry entry;
	const char *code;
	const char *detail;
	int status;

	v2m_api_entry_of_key(&api, key, &entry);
	status = find_refusal(&api, &entry, &code, &detail);
	if (!status)
		return false;
	v2m_write_open(&api.json, '{');
	v2m_put_string(&api.json, "detail", detail);
	v2m_put_string(&api.json, "code", code);
	if (status == 409)
		put_counted_alone(&api, &entry);
	v2m_write_close(&api.json, '}');
	*result = v2m_api_finish(&api.json, status, body);
	return true;
}
