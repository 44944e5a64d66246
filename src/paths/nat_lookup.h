/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads expressions of nftables that look into a set or a map. */
#ifndef V2METER_PATHS_NAT_LOOKUP_H
#define V2METER_PATHS_NAT_LOOKUP_H

#include "netlink/attribute.h"
#include "paths/nat_reading.h"
#include "paths/nat_set.h"

/* The sets of one rule, which is read several times. All zeros: none was read. */
struct v2m_nat_sets {
	struct v2m_nat_named_set {
		const char *name; /* in the rule's message */
		struct v2m_nat_set set;
		bool understood;
	} * items;
	size_t count;
	size_t capacity;
};

/* Takes in a lookup. Ports, and maps from ports to ports, become ports of the rule. Of another set
 * it takes one element: what the packet must have, and the data or the verdict. 0 or -errno. */
int v2m_nat_lookup_read(struct v2m_nat_reading *reading, const struct v2m_nat_rule_scope *scope,
			struct v2m_nat_sets *sets, v2m_attributes data);
void v2m_nat_sets_clear(struct v2m_nat_sets *sets);

/* Takes in a verdict. chain: that it leads to, 0: none. */
void v2m_nat_verdict_read(struct v2m_nat_rule *rule, uint32_t code, uint32_t chain);

#endif
