/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The totals of a key in each of its slots. Only keys that have or had several slots have parts. */
#ifndef V2METER_ACCOUNTING_PARTS_H
#define V2METER_ACCOUNTING_PARTS_H

#include <stddef.h>

#include "accounting/totals.h"

/* All bytes of a part are also in the totals of the key, and a reset closes both at one moment. So
 * the parts of a key are together at most its totals, unless these stand at V2M_COUNTER_MAX. */
struct v2m_part {
	uint32_t slot_number; /* see v2m_slot_number() */
	struct v2m_totals lifetime;
	struct v2m_totals baseline; /* lifetime at the last reset */
	bool dirty;                 /* differs from what the ledger has stored */
};

/* An array (base/array.h), ascending by slot number. */
struct v2m_key_parts {
	struct v2m_part *items;
	size_t count;
	size_t capacity;
};

/* The part of a slot. NULL: there is none. */
struct v2m_part *v2m_parts_find(const struct v2m_key_parts *parts, uint32_t slot_number);
/* The part of a slot; a new one has zeros. NULL: out of memory. A pointer to a part is valid until
 * another part is made. */
struct v2m_part *v2m_parts_make(struct v2m_key_parts *parts, uint32_t slot_number);

#endif
