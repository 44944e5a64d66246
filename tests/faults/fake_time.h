/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clocks of the collector, and the timers of its event loop, which run out when a test says so.
 */
#ifndef V2METER_TESTS_FAULTS_FAKE_TIME_H
#define V2METER_TESTS_FAULTS_FAKE_TIME_H

#include <stdint.h>

/* Sets both clocks forward. */
void fake_time_pass(uint64_t ns);
/* Lets every timer that is enabled run out. */
void fake_time_fire(void);

#endif
