/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the matches and targets of iptables that are about ports, as its own tables have them, and
 * as iptables-nft hands them to nftables. */
#ifndef V2METER_PATHS_XT_NAT_H
#define V2METER_PATHS_XT_NAT_H

#include "paths/nat.h"

/* Adds the destination ports that a match demands. 0; -EINVAL if the match is not understood, or
 * does not hold for all senders; -ENOMEM. */
int v2m_xt_match_read(const char *name, const void *info, size_t size,
		      struct v2m_nat_ports_list *ports);

/* If the target is DNAT or REDIRECT: marks the rule as one that changes ports, with what it changes
 * them to. Does nothing with other targets. */
void v2m_xt_target_read(const char *name, uint32_t revision, const void *info, size_t size,
			struct v2m_nat_rule *rule);

#endif
