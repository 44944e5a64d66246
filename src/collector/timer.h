/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_COLLECTOR_TIMER_H
#define V2METER_COLLECTOR_TIMER_H

/* How late a timer of the event loop may be, in microseconds. The default of sd-event is 250 ms,
 * more than the shortest sample interval. */
#define V2M_TIMER_ACCURACY_US 1000

#endif
