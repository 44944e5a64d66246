/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule may send packets of IPv4 only to a key's port, or of IPv6 only. The counting programs do
 * not tell the families of a published port apart. */
#ifndef V2METER_PATHS_FAMILIES_H
#define V2METER_PATHS_FAMILIES_H

#include "paths/nat.h"
#include "paths/published_scope.h"

/* Whether the rule sends a port of the alias to another slot than that one, or may do so. A rule
 * that names no port does not. Pure. */
bool v2m_rule_leads_elsewhere(const struct v2m_nat_rule *rule, const struct v2m_port_alias *alias,
			      const struct v2m_published_scope *scope, uint32_t slot);

/* Whether a port of the alias reaches another server by the family that its rules leave out:
 * another rule sends it elsewhere, or somebody listens there. false if its rules are about both.
 * Pure. */
bool v2m_alias_serves_others(const struct v2m_port_alias *alias, const struct v2m_nat_rules *rules,
			     const struct v2m_published_scope *scope);

#endif
