/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel programs and their maps: load, pin, take over, attach to devices, read. Used by the
 * collector's thread alone. Nothing that this module does ever loses a count: programs are swapped,
 * never taken out and put back, and what is pinned outlives the process.
 */
#ifndef V2METER_DATAPATH_DATAPATH_H
#define V2METER_DATAPATH_DATAPATH_H

#include "base/connection.h"
#include "base/device.h"
#include "base/port_rule.h"
#include "base/sample.h"
#include "base/error.h"

struct v2m_datapath;

struct v2m_datapath_options {
	const char *pin_dir; /* on a bpffs, which is mounted if it is not */
	bool force_clsact;   /* use clsact + cls_bpf even where the kernel has tcx */
};

/* Loads the programs and makes the maps, or takes over those that are pinned: same ABI, same boot.
 * 0; -EPERM, -EOPNOTSUPP and the like where the kernel or the privileges do not allow it, with the
 * reason in *error. */
int v2m_datapath_open(const struct v2m_datapath_options *options, struct v2m_datapath **datapath,
		      struct v2m_error *error);
/* Closes descriptors. What is pinned goes on counting. Does nothing on NULL. */
void v2m_datapath_close(struct v2m_datapath *datapath);

/* When the counters began: CLOCK_REALTIME of the maps' making. */
uint64_t v2m_datapath_created_ns(const struct v2m_datapath *datapath);

#endif
