/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the parts to a snapshot: the accounted figures of one moment. */
#ifndef V2METER_COLLECTOR_SNAPSHOTS_H
#define V2METER_COLLECTOR_SNAPSHOTS_H

#include "accounting/snapshot.h"
#include "collector/parts.h"

/* The last sample and the last dump, with one reference. NULL: out of memory. */
struct v2m_snapshot *v2m_snapshots_make(struct v2m_parts *parts);

#endif
