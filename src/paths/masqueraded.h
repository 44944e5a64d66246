/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections of containers that were open before a port was counted, and that only have its
 * number. The counting programs know those that begin later. */
#ifndef V2METER_PATHS_MASQUERADED_H
#define V2METER_PATHS_MASQUERADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/connection.h"
#include "base/port_rule.h"

struct v2m_masqueraded {
	uint8_t counted[65536]; /* enum v2m_transport bits of ports that were looked at */
	bool missed;            /* the last look failed: the next one is at all ports */
};

/* Adds the connections that this host masquerades with a port that rules or aliases count and that
 * was not counted at the last call. It reads connection tracking only if there is such a port. 0 or
 * -errno. */
int v2m_masqueraded_read(struct v2m_masqueraded *known, const struct v2m_port_rule *rules,
			 size_t n_rules, const struct v2m_port_aliases *aliases,
			 struct v2m_foreign_flows *flows);

#endif
