/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Our programs on the devices. */
#ifndef V2METER_DATAPATH_ATTACH_H
#define V2METER_DATAPATH_ATTACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/device.h"
#include "base/error.h"

struct v2m_datapath;

/* Attaches both programs to the device, at the head; takes over what is pinned for it, or repairs
 * what somebody removed. Does nothing where all is in place. 0 or -errno; *repaired (may be NULL)
 * tells whether something of ours had gone missing while it should have been there. */
int v2m_datapath_attach(struct v2m_datapath *datapath, const struct v2m_device *device,
			bool *repaired, struct v2m_error *error);
/* Takes our programs, and nothing else, off a device; the device may be gone already. 0 or -errno.
 */
int v2m_datapath_detach(struct v2m_datapath *datapath, uint32_t ifindex);
/* Devices (by ifindex) that have pins of ours, for letting go of those no longer wanted. Returns
 * the number written, at most max, or -errno. */
int v2m_datapath_attached(struct v2m_datapath *datapath, uint32_t *ifindexes, size_t max);

/* How our programs are attached to the device: "tcx", "clsact" or "none". *outrun: somebody else's
 * program runs before ours, so that what it drops or takes is not counted. */
const char *v2m_datapath_kind(struct v2m_datapath *datapath, uint32_t ifindex, bool *outrun);

#endif
