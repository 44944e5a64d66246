/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads from the expressions of one nftables rule which destination ports it changes, or to which
 * chain it leads. Rules that iptables-nft made are read too. Pure: the elements of sets and the
 * numbers of chains are asked for by callbacks.
 */
#ifndef V2METER_PATHS_NAT_RULE_H
#define V2METER_PATHS_NAT_RULE_H

#include "paths/nat.h"

struct nlattr;

/* What the reading of a rule asks for. */
struct v2m_nat_rule_scope {
	/* Adds the elements of a set of ports, or of a map from ports to ports. 0; -EINVAL if it is
	 * another kind of set; or another -errno. */
	int (*read_set)(void *context, const char *name, struct v2m_nat_ports_list *ports);
	/* The number of the chain with this name. 0: there is none. */
	uint32_t (*find_chain)(void *context, const char *name);
	void *context;
};

/* expressions: NFTA_RULE_EXPRESSIONS. The caller frees the ports of the rule in any case. 0 or
 * -errno. */
int v2m_nat_rule_read(const struct nlattr *expressions, const struct v2m_nat_rule_scope *scope,
		      struct v2m_nat_rule *rule);

#endif
