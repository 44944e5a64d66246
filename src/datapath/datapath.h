/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel programs and their maps: load, pin, take over, attach to devices, read. Only the
 * collector's thread uses this module. No call loses a count: a program is swapped in one step,
 * never removed and attached again, and pinned objects outlive the process.
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
	const char *pin_dir; /* on a bpffs, which is mounted if it is missing */
	bool force_clsact;   /* use clsact and cls_bpf even if the kernel has tcx */
	/* Flows of shared slots that can have an owner, 0: V2M_MAX_FLOWS. The kernel takes memory
	 * for flows when they come, and for the table of them at once. */
	uint32_t flows_max;
	/* Owners that there is room for at least, 0: V2M_MAX_OWNERS - 1. All memory is taken at
	 * once. */
	uint32_t users_max;
};

/* Loads the programs. Takes over the pinned maps if they have the same ABI and are of this boot,
 * otherwise makes new ones. 0 or -errno, such as -EPERM or -EOPNOTSUPP if the kernel or the
 * privileges do not allow it; *error has the reason. */
int v2m_datapath_open(const struct v2m_datapath_options *options, struct v2m_datapath **datapath,
		      struct v2m_error *error);
/* Closes descriptors. The pinned programs go on counting. Does nothing on NULL. */
void v2m_datapath_close(struct v2m_datapath *datapath);

/* Returns when the counters began: the CLOCK_REALTIME at which the maps were made. */
uint64_t v2m_datapath_created_ns(const struct v2m_datapath *datapath);

#endif
