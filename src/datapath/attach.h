/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Our programs on the devices. */
#ifndef V2METER_DATAPATH_ATTACH_H
#define V2METER_DATAPATH_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/device.h"
#include "base/error.h"

struct v2m_datapath;

/* Attaches both programs to the device, before those of others. Takes over pinned attachments,
 * repairs missing ones, and does nothing if all are there. 0 or -errno; *repaired (may be NULL)
 * tells if an attachment of ours was missing. */
int v2m_datapath_attach(struct v2m_datapath *datapath, const struct v2m_device *device,
			bool *repaired, struct v2m_error *error);
/* Removes our programs, and nothing else, from a device. The device may be gone already. 0 or
 * -errno. */
int v2m_datapath_detach(struct v2m_datapath *datapath, uint32_t ifindex);
/* Lists the ifindexes of devices that have pins of ours, so that unwanted ones can be detached.
 * Returns the number written, at most max, or -errno. */
int v2m_datapath_attached(struct v2m_datapath *datapath, uint32_t *ifindexes, size_t max);

/* Returns how our programs are attached to the device: "tcx", "clsact" or "none". *outrun: a
 * program of somebody else runs before ours, so packets that it drops or accepts are not counted.
 */
const char *v2m_datapath_kind(struct v2m_datapath *datapath, uint32_t ifindex, bool *outrun);

#endif
