// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/snapshot.h"

#include <stdlib.h>

#include "keys/keys.h"

struct v2m_snapshot *v2m_snapshot_ref(struct v2m_snapshot *snapshot)
{
	__atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
	return snapshot;
}

void v2m_snapshot_unref(struct v2m_snapshot *snapshot)
{
	if (!snapshot || __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	v2m_keyset_unref(snapshot->keyset);
	v2m_connection_table_unref(snapshot->connections);
	free(snapshot->mode_reason);
	free(snapshot->slots);
	free(snapshot->keys);
	free(snapshot->shares);
	free(snapshot->interfaces);
	free(snapshot);
}

const struct v2m_slot_view *v2m_snapshot_slot(const struct v2m_snapshot *snapshot,
					      const struct v2m_slot *slot)
{
	return &snapshot->slots[slot - snapshot->keyset->slots.items];
}

const struct v2m_key_view *v2m_snapshot_key(const struct v2m_snapshot *snapshot,
					    const struct v2m_key *key)
{
	return &snapshot->keys[v2m_keyset_index(snapshot->keyset, key)];
}

bool v2m_snapshot_attributes(const struct v2m_snapshot *snapshot, const struct v2m_slot *slot)
{
	return slot->n_keys == 1 || v2m_snapshot_slot(snapshot, slot)->attribution.method;
}

const struct v2m_share *v2m_snapshot_find_share(const struct v2m_snapshot *snapshot,
						const struct v2m_key *key,
						const struct v2m_slot *slot)
{
	const struct v2m_key_view *view = v2m_snapshot_key(snapshot, key);
	size_t place = (size_t)(slot - snapshot->keyset->slots.items);

	for (size_t i = 0; i < view->n_shares; i++)
		if (view->shares[i].slot == place)
			return &view->shares[i];
	return NULL;
}

struct v2m_totals v2m_snapshot_share(const struct v2m_snapshot *snapshot, const struct v2m_key *key,
				     const struct v2m_slot *slot)
{
	const struct v2m_share *share = v2m_snapshot_find_share(snapshot, key, slot);

	return share ? share->since_reset : (struct v2m_totals){ 0 };
}

/* Whether every shared slot of the key is attributed. */
static bool is_attributed(const struct v2m_snapshot *snapshot, const struct v2m_key_view *view)
{
	for (size_t i = 0; i < view->n_shares; i++)
		if (!v2m_snapshot_attributes(snapshot,
					     &snapshot->keyset->slots.items[view->shares[i].slot]))
			return false;
	return true;
}

bool v2m_snapshot_knows(const struct v2m_snapshot *snapshot, const struct v2m_key *key)
{
	const struct v2m_key_view *view = v2m_snapshot_key(snapshot, key);

	if (!v2m_keyset_shares(snapshot->keyset, key) || is_attributed(snapshot, view))
		return true;
	for (size_t i = 0; i < view->n_shares; i++)
		if (!v2m_totals_are_zero(&snapshot->slots[view->shares[i].slot].unattributed))
			return false;
	return !v2m_totals_are_zero(&view->since_reset) || !v2m_totals_are_zero(&view->lifetime);
}
