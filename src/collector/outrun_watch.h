/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds out whether the traffic of a device passes our programs by, so that it is not counted. */
#ifndef V2METER_COLLECTOR_OUTRUN_WATCH_H
#define V2METER_COLLECTOR_OUTRUN_WATCH_H

#include "collector/device_watch.h"
#include "collector/health.h"

/* Compares the devices' own counters with a sample that was taken just now, every few seconds. May
 * be called more often. Sets or clears the condition outrun. datapath: NULL if the programs are not
 * the byte source. */
void v2m_outrun_watch_take(struct v2m_device_watch *watch, struct v2m_conditions *conditions,
			   struct v2m_datapath *datapath, const struct v2m_sample *sample);

#endif
