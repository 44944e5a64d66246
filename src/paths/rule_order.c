// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/rule_order.h"

#include "paths/nat_chains.h"
#include "paths/port_spans.h"

/* A condition about devices keeps a rule that names no port from most packets. */
static int cut(const struct v2m_port_alias *alias, const struct v2m_nat_rule *rule,
	       const struct v2m_published_scope *scope, uint32_t slot,
	       struct v2m_alias_parts *parts)
{
	const struct v2m_nat_ports all = { .first = 0, .last = UINT16_MAX };

	if (rule->ports.count)
		return v2m_alias_cut_elsewhere(alias, rule, scope, slot, parts);
	return rule->devices ? 0 : v2m_port_spans_cut(&parts->left, &all, &parts->lost);
}

int v2m_alias_cut_disputed(const struct v2m_port_alias *alias, const struct v2m_nat_rule *rule,
			   const struct v2m_nat_rules *rules,
			   const struct v2m_published_scope *scope, struct v2m_alias_parts *parts)
{
	uint32_t slot = scope->find_slot(scope->context, alias->target, alias->transports);
	int result = 0;

	for (size_t i = 0; i < rules->count && !result; i++) {
		const struct v2m_nat_rule *other = &rules->items[i];

		if (!v2m_nat_order_is_known(rule, other) && other->families & rule->families &&
		    other->transports & rule->transports &&
		    !v2m_nat_rules_lead_to_same(rule, other))
			result = cut(alias, other, scope, slot, parts);
	}
	return result;
}
