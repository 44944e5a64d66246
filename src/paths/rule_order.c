// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/rule_order.h"

#include "paths/families.h"
#include "paths/nat_chains.h"

/* A condition about devices keeps a rule that names no port from most packets. */
static bool may_take(const struct v2m_nat_rule *rule, const struct v2m_port_alias *alias,
		     const struct v2m_published_scope *scope, uint32_t slot)
{
	if (rule->ports.count)
		return v2m_rule_leads_elsewhere(rule, alias, scope, slot);
	return !rule->devices;
}

bool v2m_alias_is_disputed(const struct v2m_port_alias *alias, const struct v2m_nat_rule *rule,
			   const struct v2m_nat_rules *rules,
			   const struct v2m_published_scope *scope)
{
	uint32_t slot = scope->find_slot(scope->context, alias->target, alias->transports);

	for (size_t i = 0; i < rules->count; i++) {
		const struct v2m_nat_rule *other = &rules->items[i];

		if (!v2m_nat_order_is_known(rule, other) && other->families & rule->families &&
		    other->transports & rule->transports &&
		    !v2m_nat_rules_lead_to_same(rule, other) && may_take(other, alias, scope, slot))
			return true;
	}
	return false;
}
