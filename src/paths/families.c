// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/families.h"

#include <stdlib.h>

#include "base/array.h"
#include "paths/port_spans.h"

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

int v2m_alias_cut_elsewhere(const struct v2m_port_alias *alias, const struct v2m_nat_rule *rule,
			    const struct v2m_published_scope *scope, uint32_t slot,
			    struct v2m_alias_parts *parts)
{
	int result = 0;

	for (size_t i = 0; i < rule->ports.count && !result; i++)
		if (!leads_to_slot(rule, &rule->ports.items[i], scope, alias->transports, slot))
			result = v2m_port_spans_cut(&parts->left, &rule->ports.items[i],
						    &parts->lost);
	return result;
}

/* Takes out the ports that somebody on this host serves by the other family. */
static int cut_served(const struct v2m_port_alias *alias, const struct v2m_published_scope *scope,
		      unsigned other, struct v2m_alias_parts *parts)
{
	int result = 0;

	for (unsigned port = alias->first_port; port <= alias->last_port && !result; port++) {
		const struct v2m_nat_ports served = { .first = (uint16_t)port,
						      .last = (uint16_t)port };

		if (!scope->is_free(scope->context, (uint16_t)port, alias->transports, other))
			result = v2m_port_spans_cut(&parts->left, &served, &parts->lost);
	}
	return result;
}

int v2m_alias_cut_other_family(const struct v2m_port_alias *alias,
			       const struct v2m_nat_rules *rules,
			       const struct v2m_published_scope *scope,
			       struct v2m_alias_parts *parts)
{
	unsigned other = V2M_NAT_BOTH & ~alias->families;
	uint32_t slot = scope->find_slot(scope->context, alias->target, alias->transports);
	int result = 0;

	if (alias->origin != V2M_ALIAS_RULE || !other)
		return 0;
	for (size_t i = 0; i < rules->count && !result; i++)
		if (rules->items[i].families & other &&
		    rules->items[i].transports & alias->transports)
			result = v2m_alias_cut_elsewhere(alias, &rules->items[i], scope, slot,
							 parts);
	return result ? result : cut_served(alias, scope, other, parts);
}

int v2m_alias_parts_make(const struct v2m_port_alias *alias, struct v2m_alias_parts *parts)
{
	*parts = (struct v2m_alias_parts){ 0 };
	return v2m_array_add(&parts->left, (struct v2m_nat_ports){ .first = alias->first_port,
								   .last = alias->last_port });
}

static int compare_spans(const void *left, const void *right)
{
	const struct v2m_nat_ports *a = left;
	const struct v2m_nat_ports *b = right;

	return (int)a->first - (int)b->first;
}

void v2m_alias_parts_sort(struct v2m_alias_parts *parts)
{
	if (parts->left.count)
		qsort(parts->left.items, parts->left.count, sizeof(*parts->left.items),
		      compare_spans);
	if (parts->lost.count)
		qsort(parts->lost.items, parts->lost.count, sizeof(*parts->lost.items),
		      compare_spans);
}

void v2m_alias_parts_clear(struct v2m_alias_parts *parts)
{
	v2m_array_clear(&parts->left);
	v2m_array_clear(&parts->lost);
}
