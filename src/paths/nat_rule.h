/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads from the expressions of one nftables rule which destination ports it changes. Rules that
 * iptables-nft made are read too. Pure: the elements of sets are asked for by a callback.
 */
#ifndef V2METER_PATHS_NAT_RULE_H
#define V2METER_PATHS_NAT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "paths/nat_ports.h"

struct nlattr;

struct v2m_nat_rule {
	bool changes; /* it is a rule of DNAT or REDIRECT */
	/* Everything that the rule demands and does is understood, and holds for all senders. */
	bool clear;
	bool opaque;         /* the port that it sends to is not known */
	unsigned transports; /* enum v2m_transport bits */
	struct v2m_nat_ports_list ports;
	bool elsewhere;      /* to the address below; false: to this host */
	uint8_t address[16]; /* IPv4 in the IPv4-mapped form */
};

/* Adds the elements of a set of ports, or of a map from ports to ports. 0; -EINVAL if it is another
 * kind of set; or another -errno. */
typedef int (*v2m_nat_set_reader)(void *context, const char *name,
				  struct v2m_nat_ports_list *ports);

/* expressions: NFTA_RULE_EXPRESSIONS. The caller clears the rule in any case. 0 or -errno. */
int v2m_nat_rule_read(const struct nlattr *expressions, v2m_nat_set_reader read_set, void *context,
		      struct v2m_nat_rule *rule);
void v2m_nat_rule_clear(struct v2m_nat_rule *rule);

#endif
