// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_lookup.h"

#include "accounting/account.h"
#include "attribution/attribution.h"
#include "collector/bookkeeper.h"
#include "collector/byte_source.h"
#include "collector/key_supply.h"

/* Whether every slot that the key shares is attributed. */
static bool is_attributed(const struct v2m_parts *parts, const struct v2m_keyset *keyset,
			  const struct v2m_key *key)
{
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(keyset, key, &count);

	for (size_t i = 0; i < count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[slots[i]];

		if (slot->n_keys > 1 && !v2m_attribution_covers(parts->attribution, slot))
			return false;
	}
	return true;
}

enum v2m_verdict v2m_key_lookup(const struct v2m_parts *parts, const char *id_or_uuid,
				const struct v2m_key **key)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	const size_t *slots;
	size_t count;
	size_t counted = 0;

	*key = v2m_keyset_find(keyset, id_or_uuid);
	if (!*key)
		return V2M_KEY_NOT_FOUND;
	if (!is_attributed(parts, keyset, *key) &&
	    !v2m_account_knows_bytes(v2m_bookkeeper_account(parts->bookkeeper), keyset, *key))
		return V2M_KEY_SHARES_PORT;
	slots = v2m_keyset_slots_of(keyset, *key, &count);
	for (size_t i = 0; i < count; i++)
		counted += v2m_byte_source_counts_slot(parts->byte_source,
						       &keyset->slots.items[slots[i]]);
	return counted || !count ? V2M_OK : V2M_KEY_IS_UDP;
}

enum v2m_verdict v2m_key_lookup_history(const struct v2m_parts *parts, const char *id_or_uuid,
					const struct v2m_key **key)
{
	enum v2m_verdict verdict = v2m_key_lookup(parts, id_or_uuid, key);

	return verdict == V2M_KEY_SHARES_PORT ? V2M_OK : verdict;
}
