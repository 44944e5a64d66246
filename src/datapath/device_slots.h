/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slot of each device in device_counters. */
#ifndef V2METER_DATAPATH_DEVICE_SLOTS_H
#define V2METER_DATAPATH_DEVICE_SLOTS_H

#include "base/device.h"
#include "base/error.h"

struct v2m_datapath;

/* The name under which the device was last counted on, by an earlier process perhaps; NULL where
 * that is not known. As long as the datapath, and until another device takes its place. */
const char *v2m_datapath_device_name(const struct v2m_datapath *datapath, uint32_t ifindex);

/* Reads which slots are in use. 0 or -errno. */
int v2m_device_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);
/* The slot of a device, a new one where it has none. 0 to V2M_MAX_DEVICES - 1, or -errno. */
int v2m_device_slot_get(struct v2m_datapath *datapath, const struct v2m_device *device,
			struct v2m_error *error);

#endif
