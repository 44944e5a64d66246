// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/families.h"

static bool has_common_port(const struct v2m_port_alias *alias, const struct v2m_nat_ports *ports)
{
	return ports->first <= alias->last_port && ports->last >= alias->first_port;
}

/* A rule that does not change the port leaves it to a server at the same port. */
static bool leads_to_slot(const struct v2m_nat_rule *rule, const struct v2m_nat_ports *ports,
			  const struct v2m_published_scope *scope, unsigned transports,
			  uint32_t slot)
{
	const struct v2m_nat_target *target = rule->mapped ? &ports->target : &rule->target;

	return target->first && !target->shifts && rule->clear &&
	       (!rule->elsewhere || scope->is_served(scope->context, rule->address)) &&
	       scope->find_slot(scope->context, target->first, transports) == slot;
}

bool v2m_rule_leads_elsewhere(const struct v2m_nat_rule *rule, const struct v2m_port_alias *alias,
			      const struct v2m_published_scope *scope, uint32_t slot)
{
	for (size_t i = 0; i < rule->ports.count; i++)
		if (has_common_port(alias, &rule->ports.items[i]) &&
		    !leads_to_slot(rule, &rule->ports.items[i], scope, alias->transports, slot))
			return true;
	return false;
}

bool v2m_alias_serves_others(const struct v2m_port_alias *alias, const struct v2m_nat_rules *rules,
			     const struct v2m_published_scope *scope)
{
	unsigned other = V2M_NAT_BOTH & ~alias->families;
	uint32_t slot = scope->find_slot(scope->context, alias->target, alias->transports);

	if (alias->origin != V2M_ALIAS_RULE || !other)
		return false;
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].families & other &&
		    rules->items[i].transports & alias->transports &&
		    v2m_rule_leads_elsewhere(&rules->items[i], alias, scope, slot))
			return true;
	for (unsigned port = alias->first_port; port <= alias->last_port; port++)
		if (!scope->is_free(scope->context, (uint16_t)port, alias->transports, other))
			return true;
	return false;
}
