/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of connections and flows that only have a counted port's number (docs/counting.md). */
#ifndef V2METER_DATAPATH_FOREIGN_H
#define V2METER_DATAPATH_FOREIGN_H

#include <stddef.h>

#include "base/connection.h"
#include "base/error.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Enters connections into the table, so that they count for no key any more. Those whose port is
 * not counted are entered too. 0 or -errno. */
int v2m_foreign_add(const struct v2m_datapath *datapath, const struct v2m_foreign_flows *flows,
		    struct v2m_error *error);

/* Marks the slots that have entries in the table, in all copies of their counters. places: the
 * slots of each port. A slot loses its mark only if it is assigned anew. 0 or -errno. */
int v2m_foreign_mark(const struct v2m_datapath *datapath, const struct v2m_port_slot places[65536]);

#endif
