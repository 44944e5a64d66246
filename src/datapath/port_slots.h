/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which ports are counted, and the slot of each. */
#ifndef V2METER_DATAPATH_PORT_SLOTS_H
#define V2METER_DATAPATH_PORT_SLOTS_H

#include <stddef.h>

#include "base/port_rule.h"
#include "base/error.h"

struct v2m_datapath;

/* Makes the kernel count exactly these ports (ascending, unique). A port that keeps its place keeps
 * its counter; one that left is no longer counted, and its slot is given away only when no other is
 * free. Returns how many could be placed (the first ones), or -errno; -EBUSY where only slots of
 * ports that have just left are free: to be called again after a reading, in which they are the
 * last time. */
int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error);

/* Reads which slots are in use. 0 or -errno. */
int v2m_port_slots_open(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
