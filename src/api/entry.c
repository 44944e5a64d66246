// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/entry.h"

#include "accounting/totals.h"
#include "base/format.h"
#include "base/transport.h"

void v2m_api_put_slot_keys(struct v2m_json_writer *json, const struct v2m_keyset *keyset,
			   const struct v2m_slot *slot)
{
	if (slot->n_keys != 1)
		v2m_put_bool(json, "shared", true);
	v2m_put_open(json, "keys", '[');
	for (size_t i = 0; i < slot->n_keys; i++) {
		const struct v2m_key *key = &keyset->keys[slot->keys[i]];

		v2m_write_open(json, '{');
		v2m_put_string(json, "id", key->id);
		v2m_put_string(json, "name", key->name);
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
}

const struct v2m_slot *v2m_api_entry_slot(const struct v2m_api *api,
					  const struct v2m_api_entry *entry, size_t i)
{
	return &api->snapshot->keyset->slots.items[entry->slots[i]];
}

/* The key that owns all slots of the entry alone. NULL: there are several keys. */
static const struct v2m_key *find_only_owner(const struct v2m_api *api,
					     const struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	const struct v2m_key *owner = v2m_keyset_owner(keyset, v2m_api_entry_slot(api, entry, 0));

	for (size_t i = 1; i < entry->n_slots; i++)
		if (v2m_keyset_owner(keyset, v2m_api_entry_slot(api, entry, i)) != owner)
			return NULL;
	return owner;
}

/* Whether one of the slots is shared, or belongs to no key. */
static bool is_shared(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (v2m_api_entry_slot(api, entry, i)->n_keys != 1)
			return true;
	return false;
}

/* Whether one of the slots has no key any more, but a server still listens there. */
static bool is_orphaned(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (!v2m_api_entry_slot(api, entry, i)->n_keys)
			return true;
	return false;
}

/* Whether another key uses one of the ports by the other transport. */
static bool uses_port_with_other_key(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;

	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_slot *slot = v2m_api_entry_slot(api, entry, i);
		const struct v2m_slot *tcp =
			v2m_slots_at(&keyset->slots, slot->first_port, V2M_TCP);
		const struct v2m_slot *udp =
			v2m_slots_at(&keyset->slots, slot->first_port, V2M_UDP);

		if (tcp && udp && v2m_keyset_owner(keyset, tcp) != v2m_keyset_owner(keyset, udp))
			return true;
	}
	return false;
}

bool v2m_api_entry_is_active(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		for (size_t k = 0; k < v2m_api_entry_slot(api, entry, i)->n_keys; k++)
			if (api->snapshot->keyset->keys[v2m_api_entry_slot(api, entry, i)->keys[k]]
				    .is_active)
				return true;
	return false;
}

void v2m_api_put_figures(struct v2m_json_writer *json, const struct v2m_api_figures *figures)
{
	v2m_put_u64(json, "rx_bytes", figures->rx);
	v2m_put_u64(json, "tx_bytes", figures->tx);
	v2m_put_u64(json, "total_bytes", figures->total);
}

/* Whether a connection of the slot is the key's, as far as it is known. */
bool v2m_api_is_connection_of(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
			      const struct v2m_slot *slot, const struct v2m_connection *connection)
{
	const struct v2m_share *share;

	if (slot->n_keys == 1 || !v2m_snapshot_attributes(snapshot, slot))
		return true;
	share = v2m_snapshot_find_share(snapshot, key, slot);
	return share && share->owner != V2M_NO_OWNER && connection->owner == share->owner;
}

size_t v2m_api_count_connections(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
				 const struct v2m_slot *slot)
{
	const struct v2m_slot_view *view = v2m_snapshot_slot(snapshot, slot);
	size_t count = 0;

	if (slot->n_keys == 1)
		return view->n_connections;
	for (size_t i = 0; i < view->n_connections; i++)
		count += v2m_api_is_connection_of(snapshot, key, slot, &view->connections[i]);
	return count;
}

double v2m_api_rate(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
		    const struct v2m_slot *slot)
{
	const struct v2m_slot_view *view = v2m_snapshot_slot(snapshot, slot);
	const struct v2m_share *share;

	if (slot->n_keys == 1 || !v2m_snapshot_attributes(snapshot, slot))
		return view->rate_bytes_s;
	share = v2m_snapshot_find_share(snapshot, key, slot);
	return share ? share->rate_bytes_s : 0;
}

/* Writes one of the keys of an entry with several. In a shared slot that is not attributed, its
 * figures are what it counted while it had the slot to itself. */
static void write_owner(struct v2m_api *api, size_t place, const struct v2m_key *key)
{
	const struct v2m_slot *slot = &api->snapshot->keyset->slots.items[place];
	const struct v2m_slot_view *view = &api->snapshot->slots[place];
	bool known = v2m_snapshot_attributes(api->snapshot, slot);
	struct v2m_totals share = v2m_snapshot_share(api->snapshot, key, slot);
	struct v2m_api_figures figures = v2m_api_figures(api, &share);
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '{');
	v2m_put_string(json, "id", key->id);
	v2m_put_string(json, "name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_put_string(json, "transport", v2m_format_transports(slot->transports));
	if (view->counted && (known || figures.total))
		v2m_api_put_figures(json, &figures);
	if (view->counted && known) {
		v2m_put_u64(json, "connections",
			    v2m_api_count_connections(api->snapshot, key, slot));
		v2m_put_fixed(json, "traffic_rate", v2m_api_rate(api->snapshot, key, slot), 2);
	}
	v2m_write_close(json, '}');
}

static void put_unattributed(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	struct v2m_totals rest = { 0 };
	struct v2m_api_figures figures;

	for (size_t i = 0; i < entry->n_slots; i++)
		rest = v2m_totals_add(rest, api->snapshot->slots[entry->slots[i]].unattributed);
	figures = v2m_api_figures(api, &rest);
	v2m_put_open(&api->json, "unattributed", '{');
	v2m_api_put_figures(&api->json, &figures);
	v2m_write_close(&api->json, '}');
}

/* Writes the keys of an entry with several. It has no uuid: a consumer that knows nothing of
 * sharing finds nobody to bill. */
static void put_several_owners(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	struct v2m_json_writer *json = &api->json;
	bool shared = is_shared(api, entry);

	v2m_put_null(json, "uuid");
	v2m_put_null(json, "key_name");
	v2m_put_null(json, "key_id");
	v2m_put_bool(json, "is_active", v2m_api_entry_is_active(api, entry));
	v2m_put_string(json, "owners", shared ? "shared" : "by_transport");
	if (shared)
		v2m_put_bool(json, "shared", true);
	if (is_orphaned(api, entry))
		v2m_put_bool(json, "orphaned", true);
	v2m_put_open(json, "keys", '[');
	for (size_t i = 0; i < entry->n_slots && !entry->rest; i++)
		for (size_t k = 0; k < v2m_api_entry_slot(api, entry, i)->n_keys; k++)
			write_owner(api, entry->slots[i],
				    &keyset->keys[v2m_api_entry_slot(api, entry, i)->keys[k]]);
	v2m_write_close(json, ']');
	if (shared)
		put_unattributed(api, entry);
}

void v2m_api_put_owners(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_key *owner = entry->key ? entry->key : find_only_owner(api, entry);
	struct v2m_json_writer *json = &api->json;

	if (!owner) {
		put_several_owners(api, entry);
		return;
	}
	v2m_put_string(json, "uuid", owner->uuid);
	v2m_put_string(json, "key_name", owner->name);
	v2m_put_string(json, "key_id", owner->id);
	v2m_put_bool(json, "is_active", owner->is_active);
	if (is_shared(api, entry)) {
		v2m_put_string(json, "owners", "shared");
		v2m_put_bool(json, "shared", true);
		put_unattributed(api, entry);
		return;
	}
	v2m_put_string(json, "owners",
		       uses_port_with_other_key(api, entry) ? "by_transport" : "single");
}

bool v2m_api_next_port(const struct v2m_keyset *keyset, size_t *at, size_t slots[static 2],
		       size_t *n_slots)
{
	const struct v2m_slots *all = &keyset->slots;

	if (*at == all->count)
		return false;
	slots[0] = (*at)++;
	*n_slots = 1;
	if (*at < all->count && all->items[*at].first_port == all->items[slots[0]].first_port &&
	    all->items[*at].behind == all->items[slots[0]].behind) {
		slots[1] = (*at)++;
		*n_slots = 2;
	}
	return true;
}

static void add_sessions(struct v2m_sessions_view *sum, const struct v2m_sessions_view *more)
{
	if (!more->since_us)
		return;
	if (!sum->since_us || more->since_us > sum->since_us)
		sum->since_us = more->since_us;
	sum->opened += more->opened;
	sum->closed += more->closed;
	sum->rx_bytes += more->rx_bytes;
	sum->tx_bytes += more->tx_bytes;
}

void v2m_api_entry_of_slots(const struct v2m_api *api, const size_t *slots, size_t n_slots,
			    struct v2m_api_entry *entry)
{
	*entry = (struct v2m_api_entry){
		.slots = slots,
		.n_slots = n_slots,
		.knows_delivered = api->snapshot->measures_delivered,
	};
	for (size_t i = 0; i < n_slots; i++) {
		const struct v2m_slot_view *view = &api->snapshot->slots[slots[i]];

		entry->totals =
			i ? v2m_totals_add(entry->totals, view->since_reset) : view->since_reset;
		if (!view->counted)
			continue;
		entry->counted = true;
		entry->rate_bytes_s += view->rate_bytes_s;
		entry->n_connections += view->n_connections;
		entry->n_udp_peers += view->n_udp_peers;
		entry->knows_udp_peers |= api->snapshot->mode == V2M_MODE_EBPF &&
					  (v2m_api_entry_slot(api, entry, i)->transports & V2M_UDP);
		add_sessions(&entry->sessions, &view->sessions);
	}
}

void v2m_api_entry_of_rest(const struct v2m_api *api, const size_t *slot,
			   struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	const struct v2m_slot *of = &keyset->slots.items[*slot];

	v2m_api_entry_of_slots(api, slot, 1, entry);
	entry->rest = true;
	entry->totals = api->snapshot->slots[*slot].unattributed;
	for (size_t i = 0; i < of->n_keys; i++) {
		const struct v2m_key *key = &keyset->keys[of->keys[i]];

		entry->n_connections -= v2m_api_count_connections(api->snapshot, key, of);
		entry->rate_bytes_s -= v2m_api_rate(api->snapshot, key, of);
	}
	if (entry->rate_bytes_s < 0)
		entry->rate_bytes_s = 0;
	entry->sessions = (struct v2m_sessions_view){ 0 };
	entry->knows_udp_peers = false;
}

/* Sums up the sessions of the key alone. If those of a slot are not known for it, neither is the
 * sum. */
static void sum_own_sessions(const struct v2m_api *api, struct v2m_api_entry *entry)
{
	bool known = true;

	entry->sessions = (struct v2m_sessions_view){ 0 };
	for (size_t i = 0; i < entry->n_slots && known; i++) {
		const struct v2m_slot *slot = v2m_api_entry_slot(api, entry, i);
		const struct v2m_slot_view *view = v2m_snapshot_slot(api->snapshot, slot);
		const struct v2m_share *share =
			v2m_snapshot_find_share(api->snapshot, entry->key, slot);

		if (!view->counted || !(slot->transports & V2M_TCP))
			continue;
		known = slot->n_keys == 1 || (share && share->sessions.since_us);
		if (known)
			add_sessions(&entry->sessions,
				     slot->n_keys == 1 ? &view->sessions : &share->sessions);
	}
	if (known)
		return;
	entry->sessions = (struct v2m_sessions_view){ 0 };
	entry->knows_delivered = false;
}

/* A key has its own part of a slot that is shared and attributed. */
static void take_attributed(const struct v2m_api *api, struct v2m_api_entry *entry)
{
	bool attributed = false;

	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_slot *slot = v2m_api_entry_slot(api, entry, i);
		const struct v2m_slot_view *view = v2m_snapshot_slot(api->snapshot, slot);

		if (slot->n_keys == 1 || !view->counted ||
		    !v2m_snapshot_attributes(api->snapshot, slot))
			continue;
		entry->rate_bytes_s +=
			v2m_api_rate(api->snapshot, entry->key, slot) - view->rate_bytes_s;
		entry->n_connections -= view->n_connections -
					v2m_api_count_connections(api->snapshot, entry->key, slot);
		attributed = true;
		/* Nobody knows them for each key. */
		if (slot->transports & V2M_UDP)
			entry->knows_udp_peers = false;
	}
	if (attributed)
		sum_own_sessions(api, entry);
}

void v2m_api_entry_of_key(const struct v2m_api *api, const struct v2m_key *key,
			  struct v2m_api_entry *entry)
{
	size_t n_slots;
	const size_t *slots = v2m_keyset_slots_of(api->snapshot->keyset, key, &n_slots);

	v2m_api_entry_of_slots(api, slots, n_slots, entry);
	entry->key = key;
	entry->totals = v2m_snapshot_key(api->snapshot, key)->since_reset;
	take_attributed(api, entry);
}

bool v2m_api_entry_is_behind(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (!v2m_api_entry_slot(api, entry, i)->behind)
			return false;
	return entry->n_slots > 0;
}

bool v2m_api_entry_is_visited(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (v2m_api_entry_slot(api, entry, i)->visited)
			return true;
	return false;
}

bool v2m_api_entry_is_summed(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	return entry->counted && !v2m_api_entry_is_behind(api, entry);
}

struct v2m_api_sums v2m_api_sum_ports(const struct v2m_api *api)
{
	struct v2m_api_sums sums = { 0 };
	struct v2m_api_entry entry;
	size_t slots[2];
	size_t n_slots;
	size_t at = 0;

	while (v2m_api_next_port(api->snapshot->keyset, &at, slots, &n_slots)) {
		v2m_api_entry_of_slots(api, slots, n_slots, &entry);
		if (!v2m_api_entry_is_summed(api, &entry))
			continue;
		sums.ports++;
		sums.active_ports += v2m_api_entry_is_active(api, &entry);
		sums.bytes = v2m_api_add(sums.bytes, v2m_api_figures(api, &entry.totals).total);
		sums.connections += entry.n_connections;
	}
	return sums;
}
