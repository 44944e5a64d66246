/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Removes flows whose connection has ended. */
#ifndef V2METER_ATTRIBUTION_FLOW_SWEEP_H
#define V2METER_ATTRIBUTION_FLOW_SWEEP_H

#include "base/connection.h"

struct v2m_datapath;
struct v2m_flow_sweep;

/* flows_max: entries of the kernel's map of flows. NULL: out of memory. */
struct v2m_flow_sweep *v2m_flow_sweep_new(size_t flows_max);
/* Does nothing on NULL. */
void v2m_flow_sweep_free(struct v2m_flow_sweep *sweep);

/* Every ten seconds, removes the flows that no dump has shown for 130 s: a TCP flow without its
 * connection, a UDP flow to which nothing was sent. While dumps show no connection of a port, its
 * flows stay until half of the map is full. table may be NULL. 0 or -errno. */
int v2m_flow_sweep_run(struct v2m_flow_sweep *sweep, struct v2m_datapath *datapath,
		       const struct v2m_connection_table *table);
/* How many flows there were at the last sweep. */
size_t v2m_flow_sweep_count(const struct v2m_flow_sweep *sweep);
/* Whether the last sweep saw a disputed flow whose connection is open, or may be. */
bool v2m_flow_sweep_saw_dispute(const struct v2m_flow_sweep *sweep);

#endif
