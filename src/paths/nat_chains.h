/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows the chains of rules as an arriving packet does: what a rule demands that leads to a chain
 * is demanded by the rules in the chain too. Pure.
 */
#ifndef V2METER_PATHS_NAT_CHAINS_H
#define V2METER_PATHS_NAT_CHAINS_H

#include "paths/nat.h"

/* Whether a rule has anything to do with the ports of packets. */
bool v2m_nat_rule_matters(const struct v2m_nat_rule *rule);

/* Whether it is known to which of the rules packets come first. It is not known if their roots have
 * the same priority, or if only one of the rules is of iptables-legacy. */
bool v2m_nat_order_is_known(const struct v2m_nat_rule *one, const struct v2m_nat_rule *other);
/* Whether both send packets to the same ports of the same address. false if one of them has a map.
 */
bool v2m_nat_rules_lead_to_same(const struct v2m_nat_rule *one, const struct v2m_nat_rule *other);

/* The chains at which the kernel begins. */
struct v2m_nat_roots {
	struct v2m_nat_root *items;
	size_t count;
	size_t capacity;
};

/*
 * Replaces all rules, each chain's in one piece, by those that change something and that packets
 * reach from the roots. Each has what the rules demand that lead to it, without the ports that an
 * earlier rule takes. If that takes only some of the packets of a port, a copy of the rule has the
 * port and is not clear. A rule is earlier only if the order of both is known. roots: in the order
 * in which packets come to them. A rule that is reached by two ways is there twice. If a map says
 * to which chain a rule leads, a chain that no root reaches is not clear. others: roots that
 * packets of other kinds begin at; their chains are left out unless arriving packets reach them as
 * well.
 *
 * 0; -ENOMEM; -E2BIG if there are too many ways. The rules are then as they were.
 */
int v2m_nat_chains_follow(struct v2m_nat_rules *rules, const struct v2m_nat_roots *roots,
			  const struct v2m_nat_roots *others);

void v2m_nat_rules_clear(struct v2m_nat_rules *rules);

#endif
