/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes per second of every port, from raw counters by the monotonic clock: neither a reset nor a
 * jump of the wall clock disturbs them. Pure and not thread-safe, owned by the collector's thread.
 */
#ifndef V2METER_ACCOUNTING_RATES_H
#define V2METER_ACCOUNTING_RATES_H

#include "base/sample.h"

struct v2m_rates;

/* window_s: the time that a rate covers, 1 to 300. A port takes under 1 KiB, however often it is
 * sampled; a port that a sample no longer has takes nothing. NULL: out of memory. */
struct v2m_rates *v2m_rates_new(unsigned window_s);
void v2m_rates_free(struct v2m_rates *rates);

/* Samples come in the order in which they were taken; one that is not newer than the last is
 * ignored. A port whose counter is another one (epoch, assigned_ns) or went backwards begins anew.
 * If memory is short, new ports have no rate until a later sample. */
void v2m_rates_add(struct v2m_rates *rates, const struct v2m_sample *sample);

/* Wire bytes per second, both directions, over the last window_s up to the last sample; over a
 * shorter time if the port is younger; 0 before its second reading. */
double v2m_rates_port(const struct v2m_rates *rates, uint16_t port);

#endif
