/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slots that a user was named for: by their first port and their transport, which is UDP if
 * they have no TCP. */
#ifndef V2METER_ATTRIBUTION_NAMED_SLOTS_H
#define V2METER_ATTRIBUTION_NAMED_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/transport.h"
#include "keys/slots.h"

struct v2m_named_slots {
	uint8_t bits[2][65536 / 8];
};

static inline bool v2m_named_slots_get(const struct v2m_named_slots *slots, uint16_t port, bool udp)
{
	return slots->bits[udp][port / 8] & 1u << port % 8;
}

/* Returns whether it was not set before. */
static inline bool v2m_named_slots_set(struct v2m_named_slots *slots, uint16_t port, bool udp)
{
	bool is_new = !v2m_named_slots_get(slots, port, udp);

	slots->bits[udp][port / 8] |= (uint8_t)(1u << port % 8);
	return is_new;
}

static inline bool v2m_named_slots_have(const struct v2m_named_slots *slots,
					const struct v2m_slot *slot)
{
	return v2m_named_slots_get(slots, slot->first_port, !(slot->transports & V2M_TCP));
}

/* Whether the flows of the slot are attributed: several keys have it, and a user was named. */
static inline bool v2m_named_slots_cover(const struct v2m_named_slots *slots,
					 const struct v2m_slot *slot)
{
	return slot->n_keys > 1 && !slot->behind && !slot->refused &&
	       v2m_named_slots_have(slots, slot);
}

#endif
