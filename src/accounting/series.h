/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rates of every port in steps of ten seconds over the last hours, for whoever draws them. By
 * the monotonic clock, in memory and bounded: at most 8 bytes a step and port, and nothing for ten
 * minutes in which a port was silent. Pure, not thread-safe, owned by the collector's thread.
 */
#ifndef V2METER_ACCOUNTING_SERIES_H
#define V2METER_ACCOUNTING_SERIES_H

#include "base/sample.h"

#define V2M_SERIES_STEP_S  10
#define V2M_SERIES_DEFAULT 1080 /* three hours: 38 MiB for 4,096 ports that are never silent */

struct v2m_series;

/* Wire bytes per second, the mean of one step. */
struct v2m_rate_point {
	float rx_bytes_s;
	float tx_bytes_s;
};

/* steps: how many are kept at least, 1 to 100000. NULL: out of memory. */
struct v2m_series *v2m_series_new(unsigned steps);
void v2m_series_free(struct v2m_series *series);

/* Bytes between two samples are spread evenly over the time between them. A counter that is another
 * one or went backwards begins anew, a port that the sample does not have is forgotten. Where
 * memory is short, a port has zeros. */
void v2m_series_add(struct v2m_series *series, const struct v2m_sample *sample);

/* The port is somebody else's from here on: what was drawn of it is nobody's business any more. */
void v2m_series_forget(struct v2m_series *series, uint16_t port);

/* The newest steps that are over, at most max and at most what new() was told, oldest first.
 * *start_us: when the first one began, Unix microseconds by the wall clock of the last sample.
 * Returns how many there are; steps before the first sample are not. A port without traffic has
 * zeros. */
size_t v2m_series_port(const struct v2m_series *series, uint16_t port,
		       struct v2m_rate_point *points, size_t max, int64_t *start_us);

#endif
