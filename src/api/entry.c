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

/* Writes one of the keys of an entry with several. In a shared slot, its figures are what it
 * counted while it had the slot to itself. */
static void write_owner(struct v2m_api *api, size_t place, const struct v2m_key *key)
{
	const struct v2m_slot *slot = &api->snapshot->keyset->slots.items[place];
	const struct v2m_slot_view *view = &api->snapshot->slots[place];
	struct v2m_totals share = v2m_snapshot_share(api->snapshot, key, slot);
	struct v2m_api_figures figures = v2m_api_figures(api, &share);
	struct v2m_json_writer *json = &api->json;

	v2m_write_open(json, '{');
	v2m_put_string(json, "id", key->id);
	v2m_put_string(json, "name", key->name);
	v2m_put_string(json, "uuid", key->uuid);
	v2m_put_string(json, "transport", v2m_format_transports(slot->transports));
	if (view->counted && (slot->n_keys == 1 || figures.total))
		v2m_api_put_figures(json, &figures);
	if (view->counted && slot->n_keys == 1) {
		v2m_put_u64(json, "connections", view->n_connections);
		v2m_put_fixed(json, "traffic_rate", view->rate_bytes_s, 2);
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
	for (size_t i = 0; i < entry->n_slots; i++)
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
	*entry = (struct v2m_api_entry){ .slots = slots, .n_slots = n_slots };
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

void v2m_api_entry_of_key(const struct v2m_api *api, const struct v2m_key *key,
			  struct v2m_api_entry *entry)
{
	size_t n_slots;
	const size_t *slots = v2m_keyset_slots_of(api->snapshot->keyset, key, &n_slots);

	v2m_api_entry_of_slots(api, slots, n_slots, entry);
	entry->key = key;
	entry->totals = v2m_snapshot_key(api->snapshot, key)->since_reset;
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
