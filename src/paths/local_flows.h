/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UDP flows of this host to its own counted ports, from sockets without a peer too, as connection
 * tracking shows them. */
#ifndef V2METER_PATHS_LOCAL_FLOWS_H
#define V2METER_PATHS_LOCAL_FLOWS_H

#include "base/connection.h"
#include "base/port_rule.h"

struct v2m_local_flows {
	struct v2m_foreign_flows found; /* port is the counted one */
	uint64_t begun_ns;              /* of the last look, CLOCK_MONOTONIC */
	uint64_t cost_ns;               /* how long that took */
};

/* Looks again, if that takes no more than 0.2 % of the time. Rules that count on the loopback
 * device are left out. After a failure the list is empty. */
void v2m_local_flows_look(struct v2m_local_flows *flows, const struct v2m_port_rule *rules,
			  size_t n_rules);
void v2m_local_flows_clear(struct v2m_local_flows *flows);

#endif
