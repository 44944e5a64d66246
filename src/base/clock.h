/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clocks. Accounting and rendering get the time as a parameter instead. */
#ifndef V2METER_BASE_CLOCK_H
#define V2METER_BASE_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t v2m_clock_mono_ns(void);
/* CLOCK_REALTIME in Unix microseconds. */
int64_t v2m_clock_real_us(void);
/* The processor time of this process in nanoseconds. */
uint64_t v2m_clock_cpu_ns(void);

#endif
