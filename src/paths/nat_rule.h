/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads from the expressions of one nftables rule which destination ports it changes, or to which
 * chain it leads. Rules that iptables-nft made are read too. Pure: the elements of sets and the
 * numbers of chains are asked for by callbacks.
 */
#ifndef V2METER_PATHS_NAT_RULE_H
#define V2METER_PATHS_NAT_RULE_H

#include "paths/nat.h"
#include "paths/nat_reading.h"

struct nlattr;

/* Each rule takes some 150 bytes. */
#define V2M_NAT_RULES_MAX 262144

/* expressions: NFTA_RULE_EXPRESSIONS. Adds the rule if it has anything to do with ports. If it
 * looks into sets that are understood, it adds one for each element. 0; -E2BIG if there are more
 * than V2M_NAT_RULES_MAX; or another -errno. */
int v2m_nat_rule_read(const struct nlattr *expressions, const struct v2m_nat_rule_scope *scope,
		      struct v2m_nat_rules *rules);

#endif
