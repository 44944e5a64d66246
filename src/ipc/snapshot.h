/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A snapshot in a message. The key set goes separately, because it seldom changes. */
#ifndef V2METER_IPC_SNAPSHOT_H
#define V2METER_IPC_SNAPSHOT_H

#include "accounting/snapshot.h"
#include "process/wire.h"

/* wire->failed: out of memory. */
void v2m_write_snapshot(struct v2m_wire *wire, const struct v2m_snapshot *snapshot);
/* Reads a snapshot of that key set, to which it takes a reference. Every place in a list is
 * checked. NULL: malformed, or out of memory. */
struct v2m_snapshot *v2m_read_snapshot(struct v2m_wire *wire, struct v2m_keyset *keyset);

#endif
