/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_COUNTERS_H
#define V2METER_DATAPATH_COUNTERS_H

#include "base/sample.h"
#include "base/error.h"

struct v2m_datapath;

/* Reads all counters into an empty sample: ports in use and attached devices, clocks and epoch. A
 * port that set_ports() took out is in the next sample one last time, with its last bytes. The
 * link_*_bytes of devices are left 0. 0 or -errno. */
int v2m_datapath_read(struct v2m_datapath *datapath, struct v2m_sample *sample,
		      struct v2m_error *error);

/* Finds out whether the kernel reads many elements at once. */
void v2m_counters_probe_batch(struct v2m_datapath *datapath);

#endif
