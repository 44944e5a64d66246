/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes per second of every slot, from raw counters by the monotonic clock: neither a reset nor a
 * jump of the wall clock disturbs them. Pure and not thread-safe, owned by the collector's thread.
 */
#ifndef V2METER_RATES_RATES_H
#define V2METER_RATES_RATES_H

#include "base/sample.h"

struct v2m_rates;

/* window_s: the time that a rate covers, 1 to 300. A slot takes under 1 KiB, however often it is
 * sampled; a slot that a sample no longer has takes nothing. NULL: out of memory. */
struct v2m_rates *v2m_rates_new(unsigned window_s);
void v2m_rates_free(struct v2m_rates *rates);

/* Samples come in the order in which they were taken; one that is not newer than the last is
 * ignored. A slot whose counter is another one (epoch, assigned_ns) or went backwards begins anew.
 * If a sample has two counters of a slot, because one is on its way out, the later one counts. If
 * memory is short, new slots have no rate until a later sample. */
void v2m_rates_add(struct v2m_rates *rates, const struct v2m_sample *sample);

/* Wire bytes per second, both directions, over the last window_s up to the last sample; over a
 * shorter time if the slot is younger; 0 before its second reading. slot_number: see
 * v2m_slot_number(). */
double v2m_rates_slot(const struct v2m_rates *rates, uint32_t slot_number);
/* The same for an owner of flows on a shared slot. */
double v2m_rates_owner(const struct v2m_rates *rates, uint32_t owner);

#endif
