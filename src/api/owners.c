// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/owners.h"

#include "accounting/totals.h"
#include "base/format.h"

void v2m_api_put_shared(struct v2m_json_writer *json, const struct v2m_keyset *keyset,
			uint16_t port)
{
	size_t at = 0;

	v2m_put_bool(json, "shared", true);
	v2m_put_open(json, "keys", '[');
	while (at < keyset->slots.count &&
	       (keyset->slots.items[at].first_port != port || keyset->slots.items[at].n_keys == 1))
		at++;
	for (size_t i = 0; at < keyset->slots.count && i < keyset->slots.items[at].n_keys; i++) {
		const struct v2m_key *key = &keyset->keys[keyset->slots.items[at].keys[i]];

		v2m_write_open(json, '{');
		v2m_put_string(json, "id", key->id);
		v2m_put_string(json, "name", key->name);
		v2m_write_close(json, '}');
	}
	v2m_write_close(json, ']');
}

/* The only key of all slots. NULL: there are several. */
static const struct v2m_key *only_owner(const struct v2m_api *api,
					const struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	const struct v2m_key *owner = v2m_keyset_owner(keyset, v2m_api_slot(api, entry, 0));

	for (size_t i = 1; i < entry->n_slots; i++)
		if (v2m_keyset_owner(keyset, v2m_api_slot(api, entry, i)) != owner)
			return NULL;
	return owner;
}

static bool is_shared(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (v2m_api_slot(api, entry, i)->n_keys != 1)
			return true;
	return false;
}

/* Whether a slot has lost its key while a server still listens there. */
static bool is_orphaned(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		if (!v2m_api_slot(api, entry, i)->n_keys)
			return true;
	return false;
}

/* Whether another key has the same port by the other transport. */
static bool has_neighbour(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;

	for (size_t i = 0; i < entry->n_slots; i++) {
		const struct v2m_slot *slot = v2m_api_slot(api, entry, i);
		const struct v2m_slot *tcp =
			v2m_slots_at(&keyset->slots, slot->first_port, V2M_TCP);
		const struct v2m_slot *udp =
			v2m_slots_at(&keyset->slots, slot->first_port, V2M_UDP);

		if (tcp && udp && v2m_keyset_owner(keyset, tcp) != v2m_keyset_owner(keyset, udp))
			return true;
	}
	return false;
}

static bool has_active_key(const struct v2m_api *api, const struct v2m_api_entry *entry)
{
	for (size_t i = 0; i < entry->n_slots; i++)
		for (size_t k = 0; k < v2m_api_slot(api, entry, i)->n_keys; k++)
			if (api->snapshot->keyset->keys[v2m_api_slot(api, entry, i)->keys[k]]
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

/* One key of a slot that others have too, or whose port others have. What a key counted while it
 * had the slot to itself is its own. */
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

/* The keys of an entry that several keys have. A consumer that knows nothing of sharing finds no
 * uuid to bill. */
static void put_several_owners(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_keyset *keyset = api->snapshot->keyset;
	struct v2m_json_writer *json = &api->json;
	bool shared = is_shared(api, entry);

	v2m_put_null(json, "uuid");
	v2m_put_null(json, "key_name");
	v2m_put_null(json, "key_id");
	v2m_put_bool(json, "is_active", has_active_key(api, entry));
	v2m_put_string(json, "owners", shared ? "shared" : "by_transport");
	if (shared)
		v2m_put_bool(json, "shared", true);
	if (is_orphaned(api, entry))
		v2m_put_bool(json, "orphaned", true);
	v2m_put_open(json, "keys", '[');
	for (size_t i = 0; i < entry->n_slots; i++)
		for (size_t k = 0; k < v2m_api_slot(api, entry, i)->n_keys; k++)
			write_owner(api, entry->slots[i],
				    &keyset->keys[v2m_api_slot(api, entry, i)->keys[k]]);
	v2m_write_close(json, ']');
	if (shared)
		put_unattributed(api, entry);
}

void v2m_api_put_owners(struct v2m_api *api, const struct v2m_api_entry *entry)
{
	const struct v2m_key *owner = entry->key ? entry->key : only_owner(api, entry);
	struct v2m_json_writer *json = &api->json;

	if (!owner) {
		put_several_owners(api, entry);
		return;
	}
	v2m_put_string(json, "uuid", owner->uuid);
	v2m_put_string(json, "key_name", owner->name);
	v2m_put_string(json, "key_id", owner->id);
	v2m_put_bool(json, "is_active", owner->is_active);
	v2m_put_string(json, "owners", has_neighbour(api, entry) ? "by_transport" : "single");
}
