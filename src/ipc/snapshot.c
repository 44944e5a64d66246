// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/snapshot.h"

#include <stdlib.h>

#include "ipc/figures.h"

/* The least that an item of each list takes in a message. */
#define SLOT_SIZE       100
#define KEY_SIZE        64
#define INTERFACE_SIZE  (V2M_DEVICE_NAME_LEN + 16)
#define CONNECTION_SIZE 100
#define PEER_SIZE       30
#define CLOSING_SIZE    26

static void put_connection(struct v2m_wire *wire, struct v2m_connection *connection)
{
	v2m_wire_u8(wire, &connection->family);
	v2m_wire_u8(wire, &connection->state);
	v2m_wire_u16(wire, &connection->local_port);
	v2m_wire_u16(wire, &connection->slot_port);
	v2m_wire_u16(wire, &connection->remote_port);
	v2m_wire_bytes(wire, connection->local, sizeof(connection->local));
	v2m_wire_bytes(wire, connection->remote, sizeof(connection->remote));
	v2m_wire_chars(wire, connection->device, sizeof(connection->device));
	v2m_wire_u64(wire, &connection->cookie);
	v2m_wire_u64(wire, &connection->rx_bytes);
	v2m_wire_u64(wire, &connection->tx_bytes);
	v2m_wire_u64(wire, &connection->sent_bytes);
	v2m_wire_u32(wire, &connection->rx_segments);
	v2m_wire_u32(wire, &connection->tx_segments);
	v2m_wire_u32(wire, &connection->rtt_us);
	v2m_wire_u32(wire, &connection->retransmits);
	v2m_wire_u64(wire, &connection->opened_ns);
	v2m_wire_u32(wire, &connection->owner);
	v2m_wire_u8(wire, &connection->tcp_header);
}

static void put_peer(struct v2m_wire *wire, struct v2m_peer *peer)
{
	v2m_wire_u16(wire, &peer->port);
	v2m_wire_u16(wire, &peer->remote_port);
	v2m_wire_u16(wire, &peer->slot_port);
	v2m_wire_bytes(wire, peer->address, sizeof(peer->address));
	v2m_wire_u64(wire, &peer->seen_ns);
}

static void put_closing(struct v2m_wire *wire, struct v2m_closing_port *closing)
{
	v2m_wire_u16(wire, &closing->slot_port);
	v2m_wire_size(wire, &closing->count);
	v2m_wire_u64(wire, &closing->rx_bytes);
	v2m_wire_u64(wire, &closing->tx_bytes);
}

/* The lists of a table whose connections have been allocated. */
static void put_table(struct v2m_wire *wire, struct v2m_connection_table *table)
{
	v2m_wire_u64(wire, &table->mono_ns);
	for (size_t i = 0; i < table->count && !wire->failed; i++)
		put_connection(wire, &table->connections[i]);
	table->peers = v2m_wire_array(wire, table->peers, &table->n_peers, PEER_SIZE,
				      sizeof(*table->peers));
	for (size_t i = 0; i < table->n_peers && !wire->failed; i++)
		put_peer(wire, &table->peers[i]);
	table->closing = v2m_wire_array(wire, table->closing, &table->n_closing, CLOSING_SIZE,
					sizeof(*table->closing));
	for (size_t i = 0; i < table->n_closing && !wire->failed; i++)
		put_closing(wire, &table->closing[i]);
}

static void write_table(struct v2m_wire *wire, const struct v2m_connection_table *table)
{
	bool exists = table;
	size_t count = table ? table->count : 0;

	v2m_wire_bool(wire, &exists);
	if (!exists)
		return;
	v2m_wire_count(wire, &count, CONNECTION_SIZE);
	put_table(wire, (struct v2m_connection_table *)table);
}

/* NULL: there is none, or wire->failed is set. */
static struct v2m_connection_table *read_table(struct v2m_wire *wire)
{
	struct v2m_connection_table *table;
	bool exists = false;
	size_t count = 0;

	v2m_wire_bool(wire, &exists);
	if (!exists)
		return NULL;
	v2m_wire_count(wire, &count, CONNECTION_SIZE);
	table = calloc(1, sizeof(*table) + count * sizeof(table->connections[0]));
	if (!table) {
		v2m_wire_refuse(wire);
		return NULL;
	}
	table->references = 1;
	table->count = count;
	put_table(wire, table);
	return table;
}

/* A part of a list, as the place where it begins and the number of its items. count is read into
 * *n. NULL: it has no items, or it is not within the list. */
static const void *put_part(struct v2m_wire *wire, const void *part, size_t *n, const void *list,
			    size_t list_count, size_t item_size)
{
	size_t first = *n ? (size_t)((const char *)part - (const char *)list) / item_size : 0;

	v2m_wire_size(wire, &first);
	v2m_wire_size(wire, n);
	if (!wire->reading)
		return part;
	if (first > list_count || *n > list_count - first)
		v2m_wire_refuse(wire);
	if (wire->failed)
		*n = 0;
	return *n ? (const char *)list + first * item_size : NULL;
}

static void put_sessions(struct v2m_wire *wire, struct v2m_sessions_view *sessions)
{
	v2m_wire_i64(wire, &sessions->since_us);
	v2m_wire_u64(wire, &sessions->opened);
	v2m_wire_u64(wire, &sessions->closed);
	v2m_wire_u64(wire, &sessions->rx_bytes);
	v2m_wire_u64(wire, &sessions->tx_bytes);
}

static void put_attribution(struct v2m_wire *wire, struct v2m_attribution_view *view)
{
	view->method = v2m_wire_limited(wire, view->method, V2M_N_ATTRIBUTION_METHODS - 1);
	v2m_wire_i64(wire, &view->gap_us);
	view->gap = v2m_wire_limited(wire, view->gap, V2M_N_ATTRIBUTION_GAPS - 1);
}

static void put_slot(struct v2m_wire *wire, const struct v2m_connection_table *table,
		     struct v2m_slot_view *view)
{
	v2m_wire_bool(wire, &view->counted);
	v2m_put_totals(wire, &view->since_reset);
	v2m_put_totals(wire, &view->unattributed);
	v2m_put_totals(wire, &view->unattributed_lifetime);
	v2m_put_totals(wire, &view->unattributed_ever);
	v2m_wire_double(wire, &view->rate_bytes_s);
	v2m_wire_size(wire, &view->local_connections);
	v2m_wire_u64(wire, &view->local_bytes);
	v2m_wire_size(wire, &view->local_senders);
	v2m_wire_u64(wire, &view->missed_delivered);
	v2m_wire_u64(wire, &view->missed_counted);
	v2m_wire_bool(wire, &view->repeats);
	put_sessions(wire, &view->sessions);
	view->connections = put_part(wire, view->connections, &view->n_connections,
				     table ? table->connections : NULL, table ? table->count : 0,
				     sizeof(struct v2m_connection));
	view->udp_peers =
		put_part(wire, view->udp_peers, &view->n_udp_peers, table ? table->peers : NULL,
			 table ? table->n_peers : 0, sizeof(struct v2m_peer));
	put_attribution(wire, &view->attribution);
}

static void put_share(struct v2m_wire *wire, struct v2m_share *share)
{
	v2m_put_totals(wire, &share->since_reset);
	v2m_put_totals(wire, &share->ever);
	v2m_wire_u32(wire, &share->owner);
	v2m_wire_double(wire, &share->rate_bytes_s);
	put_sessions(wire, &share->sessions);
}

static void put_slots(struct v2m_wire *wire, struct v2m_snapshot *snapshot)
{
	size_t count = snapshot->keyset->slots.count;

	snapshot->slots =
		v2m_wire_array(wire, snapshot->slots, &count, SLOT_SIZE, sizeof(*snapshot->slots));
	if (count != snapshot->keyset->slots.count)
		v2m_wire_refuse(wire);
	for (size_t i = 0; i < count && !wire->failed; i++)
		put_slot(wire, snapshot->connections, &snapshot->slots[i]);
}

/* The shares of a key are those of its slots, in their order: only their figures are written. */
static void put_key(struct v2m_wire *wire, const struct v2m_snapshot *snapshot, size_t index)
{
	const struct v2m_keyset *keyset = snapshot->keyset;
	struct v2m_key_view *view = &snapshot->keys[index];
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(keyset, &keyset->keys[index], &count);
	struct v2m_share *shares = snapshot->shares + keyset->first_slot[index];

	v2m_put_totals(wire, &view->since_reset);
	v2m_put_totals(wire, &view->lifetime);
	v2m_wire_i64(wire, &view->reset_us);
	v2m_put_totals(wire, &view->ever_elsewhere);
	if (wire->reading) {
		view->shares = shares;
		view->n_shares = count;
	}
	for (size_t i = 0; i < count; i++) {
		struct v2m_share share = { .slot = slots[i] };

		if (!wire->reading && i < view->n_shares)
			share = view->shares[i];
		put_share(wire, &share);
		if (wire->reading)
			shares[i] = share;
	}
}

static void put_keys(struct v2m_wire *wire, struct v2m_snapshot *snapshot)
{
	const struct v2m_keyset *keyset = snapshot->keyset;
	size_t count = keyset->n_keys;

	snapshot->keys =
		v2m_wire_array(wire, snapshot->keys, &count, KEY_SIZE, sizeof(*snapshot->keys));
	if (count != keyset->n_keys)
		v2m_wire_refuse(wire);
	if (wire->reading && !wire->failed) {
		snapshot->shares = calloc(keyset->first_slot[count] + 1, sizeof(*snapshot->shares));
		if (!snapshot->shares)
			v2m_wire_refuse(wire);
	}
	for (size_t i = 0; i < count && !wire->failed; i++)
		put_key(wire, snapshot, i);
}

static void put_interfaces(struct v2m_wire *wire, struct v2m_snapshot *snapshot)
{
	snapshot->interfaces = v2m_wire_array(wire, snapshot->interfaces, &snapshot->n_interfaces,
					      INTERFACE_SIZE, sizeof(*snapshot->interfaces));
	for (size_t i = 0; i < snapshot->n_interfaces && !wire->failed; i++) {
		v2m_wire_chars(wire, snapshot->interfaces[i].name,
			       sizeof(snapshot->interfaces[i].name));
		v2m_wire_u64(wire, &snapshot->interfaces[i].rx_bytes);
		v2m_wire_u64(wire, &snapshot->interfaces[i].tx_bytes);
	}
}

static void put_head(struct v2m_wire *wire, struct v2m_snapshot *snapshot)
{
	v2m_wire_u64(wire, &snapshot->generation);
	v2m_wire_u64(wire, &snapshot->mono_ns);
	v2m_wire_i64(wire, &snapshot->real_us);
	snapshot->mode = v2m_wire_limited(wire, snapshot->mode, V2M_MODE_SOCKET_STATS);
	v2m_wire_text(wire, &snapshot->mode_reason);
	v2m_wire_bool(wire, &snapshot->measures_delivered);
	v2m_wire_size(wire, &snapshot->connection_details_max);
}

void v2m_write_snapshot(struct v2m_wire *wire, const struct v2m_snapshot *snapshot)
{
	/* Writing changes nothing. */
	struct v2m_snapshot *same = (struct v2m_snapshot *)snapshot;

	put_head(wire, same);
	write_table(wire, snapshot->connections);
	put_slots(wire, same);
	put_keys(wire, same);
	put_interfaces(wire, same);
}

struct v2m_snapshot *v2m_read_snapshot(struct v2m_wire *wire, struct v2m_keyset *keyset)
{
	struct v2m_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	snapshot->references = 1;
	snapshot->keyset = v2m_keyset_ref(keyset);
	put_head(wire, snapshot);
	snapshot->connections = read_table(wire);
	put_slots(wire, snapshot);
	put_keys(wire, snapshot);
	put_interfaces(wire, snapshot);
	if (!wire->failed)
		return snapshot;
	v2m_snapshot_unref(snapshot);
	return NULL;
}
