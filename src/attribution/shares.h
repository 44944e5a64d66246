/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The share of each key in a shared slot, in a snapshot. */
#ifndef V2METER_ATTRIBUTION_SHARES_H
#define V2METER_ATTRIBUTION_SHARES_H

#include "accounting/snapshot.h"
#include "attribution/attributor.h"
#include "attribution/named_slots.h"
#include "rates/rates.h"

/* Fills in the owners of the shares of slots that are attributed, and their rates. */
void v2m_shares_fill(const struct v2m_attributor *attributor, const struct v2m_named_slots *named,
		     const struct v2m_rates *rates, struct v2m_snapshot *snapshot);

#endif
