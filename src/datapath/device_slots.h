/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The slot of each device in device_counters. */
#ifndef V2METER_DATAPATH_DEVICE_SLOTS_H
#define V2METER_DATAPATH_DEVICE_SLOTS_H

#include "base/device.h"
#include "base/error.h"

struct v2m_datapath;

/* Returns the name that the device had when it was last counted on, maybe by an earlier process, or
 * NULL if it is unknown. Valid as long as the datapath and until another device gets the slot. */
const char *v2m_datapath_device_name(const struct v2m_datapath *datapath, uint32_t ifindex);

/* Reads which slots are in use. 0 or -errno. */
int v2m_device_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);
/* Returns the slot of a device, 0 to V2M_MAX_DEVICES - 1, or -errno. A device without a slot gets
 * one. */
int v2m_device_slot_get(struct v2m_datapath *datapath, const struct v2m_device *device,
			struct v2m_error *error);

#endif
