/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rates of every slot over the last hours, in steps of ten seconds. By the monotonic clock, in
 * memory, bounded: at most 8 bytes a step and slot, and nothing for ten minutes in which a slot was
 * silent. Pure and not thread-safe, owned by the collector's thread.
 */
#ifndef V2METER_RATES_RATE_HISTORY_H
#define V2METER_RATES_RATE_HISTORY_H

#include "base/sample.h"

#define V2M_RATE_HISTORY_STEP_S 10
/* Three hours: 38 MiB for 4,096 slots that are never silent. */
#define V2M_RATE_HISTORY_STEPS 1080

struct v2m_rate_history;

/* The mean of one step, in wire bytes per second. */
struct v2m_rate_point {
	float rx_bytes_s;
	float tx_bytes_s;
};

/* steps: how many are kept at least, 1 to 100000. NULL: out of memory. */
struct v2m_rate_history *v2m_rate_history_new(unsigned steps);
void v2m_rate_history_free(struct v2m_rate_history *history);

/* Adds the bytes since the last sample, spread evenly over the time since then. A slot whose
 * counter is another one (epoch, assigned_ns) or went backwards begins anew; a slot that the sample
 * does not have is forgotten. If a sample has two counters of a slot, because one is on its way
 * out, the later one counts. If memory is short, a slot has zeros. */
void v2m_rate_history_add(struct v2m_rate_history *history, const struct v2m_sample *sample);

/* Forgets a slot, because another key owns it from now on: the new owner must not see the rates of
 * the old one. */
void v2m_rate_history_forget(struct v2m_rate_history *history, uint32_t slot_number);

/* Copies the newest finished steps of a slot to points, oldest first, and returns their number: at
 * most max, at most the steps that new() got, none from before the first sample. *start_us: when
 * the first of them began, Unix microseconds, by the wall clock of the last sample. A slot without
 * traffic has zeros. */
size_t v2m_rate_history_slot(const struct v2m_rate_history *history, uint32_t slot_number,
			     struct v2m_rate_point *points, size_t max, int64_t *start_us);
/* The same for an owner of flows on a shared slot. Bytes that flows counted before their owner was
 * known count at the time when it became known. */
size_t v2m_rate_history_owner(const struct v2m_rate_history *history, uint32_t owner,
			      struct v2m_rate_point *points, size_t max, int64_t *start_us);

#endif
