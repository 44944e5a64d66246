// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attribution/shares.h"

#include <netinet/in.h>

#include "base/macros.h"

static double rate_of(const struct v2m_attributor *attributor, const struct v2m_slot *slot,
		      const struct v2m_key *key, const struct v2m_rates *rates)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	double sum = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(protocols); i++) {
		uint32_t owner = v2m_attributor_owner(attributor, slot, key, protocols[i]);

		if (owner != V2M_NO_OWNER)
			sum += v2m_rates_owner(rates, owner);
	}
	return sum;
}

void v2m_shares_fill(const struct v2m_attributor *attributor, const struct v2m_named_slots *named,
		     const struct v2m_rates *rates, struct v2m_snapshot *snapshot)
{
	const struct v2m_keyset *keyset = snapshot->keyset;

	for (size_t i = 0; i < keyset->n_keys; i++)
		for (size_t k = keyset->first_slot[i]; k < keyset->first_slot[i + 1]; k++) {
			struct v2m_share *share = &snapshot->shares[k];
			const struct v2m_slot *slot = &keyset->slots.items[share->slot];

			if (!v2m_named_slots_cover(named, slot))
				continue;
			share->owner = v2m_attributor_owner(attributor, slot, &keyset->keys[i],
							    IPPROTO_TCP);
			share->rate_bytes_s = rate_of(attributor, slot, &keyset->keys[i], rates);
		}
}
