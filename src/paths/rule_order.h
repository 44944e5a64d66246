/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two rules may have one port, and nobody can know to which of them the kernel comes first. */
#ifndef V2METER_PATHS_RULE_ORDER_H
#define V2METER_PATHS_RULE_ORDER_H

#include "paths/families.h"
#include "paths/nat.h"
#include "paths/published_scope.h"

/* Takes out of the alias that this rule makes the ports whose packets another rule may get and send
 * to another slot, because the order of both is not known. Pure. 0 or -ENOMEM. */
int v2m_alias_cut_disputed(const struct v2m_port_alias *alias, const struct v2m_nat_rule *rule,
			   const struct v2m_nat_rules *rules,
			   const struct v2m_published_scope *scope, struct v2m_alias_parts *parts);

#endif
