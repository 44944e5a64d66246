/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Notes beside the counters which ledger has stored them. */
#ifndef V2METER_DATAPATH_LEDGER_MARK_H
#define V2METER_DATAPATH_LEDGER_MARK_H

#include "pins/map_shape.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Reads the mark. Zeros: no ledger has stored the counters yet. 0 or -errno. */
int v2m_datapath_read_mark(const struct v2m_datapath *datapath, struct v2m_ledger_mark *mark);
/* Replaces the mark. 0 or -errno. */
int v2m_datapath_write_mark(struct v2m_datapath *datapath, const struct v2m_ledger_mark *mark);

/* For maps.c and program.c: makes the map with zeros, and its shape. A descriptor or -errno. */
int v2m_ledger_mark_make(void);
struct v2m_map_shape v2m_ledger_mark_shape(void);

#endif
