/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule may send packets of IPv4 only to a key's port, or of IPv6 only. The counting programs do
 * not tell the families of a published port apart. */
#ifndef V2METER_PATHS_FAMILIES_H
#define V2METER_PATHS_FAMILIES_H

#include "paths/nat.h"
#include "paths/published_scope.h"

/* The ports of an alias, while some of them turn out to be another rule's or server's too. */
struct v2m_alias_parts {
	struct v2m_nat_ports_list left;
	struct v2m_nat_ports_list lost;
};

/* All ports are left. 0 or -ENOMEM; the caller clears it in any case. */
int v2m_alias_parts_make(const struct v2m_port_alias *alias, struct v2m_alias_parts *parts);
void v2m_alias_parts_clear(struct v2m_alias_parts *parts);
/* By ascending ports. */
void v2m_alias_parts_sort(struct v2m_alias_parts *parts);

/* Takes out the ports that the rule sends to anything else than that slot, for some senders at
 * least. 0 or -ENOMEM. */
int v2m_alias_cut_elsewhere(const struct v2m_port_alias *alias, const struct v2m_nat_rule *rule,
			    const struct v2m_published_scope *scope, uint32_t slot,
			    struct v2m_alias_parts *parts);
/* Takes out the ports of an alias that rules of one family make, if the other family of them is
 * another server's, by a rule or on this host. 0 or -ENOMEM. */
int v2m_alias_cut_other_family(const struct v2m_port_alias *alias,
			       const struct v2m_nat_rules *rules,
			       const struct v2m_published_scope *scope,
			       struct v2m_alias_parts *parts);

#endif
