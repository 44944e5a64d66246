/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The order in which the slots of a key are told: that of its spans. Used by keys.c alone. */
#ifndef V2METER_KEYS_SLOT_ORDER_H
#define V2METER_KEYS_SLOT_ORDER_H

#include "keys/slots.h"

/* Zeros. Made once for all keys of a set. */
struct v2m_slot_order {
	const struct v2m_slots *slots;
	size_t *span; /* by slot: the first span of the key that holds it, and 1; 0: none does */
};

/* 0 or -ENOMEM; the order is the caller's to clear either way. */
int v2m_slot_order_open(struct v2m_slot_order *order, const struct v2m_slots *slots);
void v2m_slot_order_clear(struct v2m_slot_order *order);

/* Sorts the slots of a key, given by their places. Those that no span of the key holds come last.
 */
void v2m_slot_order_sort(struct v2m_slot_order *order, const struct v2m_span *spans, size_t n_spans,
			 size_t *places, size_t count);

#endif
