/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules that change where packets to a port go, read from what nft and iptables-save print. */
#ifndef V2METER_CTL_DOCTOR_NAT_RULES_H
#define V2METER_CTL_DOCTOR_NAT_RULES_H

#include "ctl/doctor/port_set.h"

struct v2m_nat_rule {
	struct v2m_port_set matched; /* destination ports; empty: the rule names none */
	struct v2m_port_set target;  /* ports that they are changed to; empty: not changed */
	bool to_host;                /* redirected or handed over on this host */
};

/* The destination ports that a rule names; an empty set if it names none. */
void v2m_rule_ports(const char *line, struct v2m_port_set *ports);
/* Reads one line. Returns whether it is a rule of DNAT, REDIRECT or TPROXY. */
bool v2m_nat_rule_read(const char *line, struct v2m_nat_rule *rule);

#endif
