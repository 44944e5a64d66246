// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/published_tracked.h"

/* Ports that connections show are compared with so many ports of rules. That takes 20 ms, in which
 * no counter is read. */
#define COMPARED_MAX 10000000

/* Whether a rule that is understood, or the configuration, has the port. */
static bool is_known(const struct v2m_published *published, size_t known,
		     const struct v2m_tracked *tracked)
{
	for (size_t i = 0; i < known; i++) {
		const struct v2m_port_alias *alias = &published->aliases.items[i];

		if (alias->transports & tracked->transports && alias->first_port <= tracked->port &&
		    alias->last_port >= tracked->port)
			return true;
	}
	return false;
}

/* The entries of one published port and transport: *end is behind them. The slot that all of them
 * lead to; 0: several, or none of a key, or an address where no key is served. *key: the port of a
 * key that one of them leads to. */
static uint32_t find_common_slot(const struct v2m_tracked_list *tracked, size_t begin,
				 const struct v2m_published_scope *scope, size_t *end,
				 uint16_t *key)
{
	const struct v2m_tracked *first = &tracked->items[begin];
	uint32_t common = 0;
	bool several = false;

	*key = 0;
	for (*end = begin; *end < tracked->count; ++*end) {
		const struct v2m_tracked *flow = &tracked->items[*end];
		uint32_t slot;

		if (flow->port != first->port || flow->transports != first->transports)
			break;
		slot = scope->is_served(scope->context, flow->address)
			       ? scope->find_slot(scope->context, flow->target, flow->transports)
			       : 0;
		if (slot && !*key)
			*key = flow->target;
		several = several || (*end > begin && slot != common);
		common = slot;
	}
	return several ? 0 : common;
}

/* Published ports in a row that lead to one port are one alias. */
static int add_tracked(struct v2m_published *published, size_t known,
		       const struct v2m_tracked *tracked, uint16_t target)
{
	struct v2m_port_alias alias = {
		.first_port = tracked->port,
		.last_port = tracked->port,
		.target = target,
		.transports = tracked->transports,
		.origin = V2M_ALIAS_CONNTRACK,
		.families = V2M_NAT_BOTH,
	};
	struct v2m_port_alias *last =
		published->aliases.count > known
			? &published->aliases.items[published->aliases.count - 1]
			: NULL;

	if (!last || last->target != target || last->transports != alias.transports ||
	    last->last_port + 1 != tracked->port)
		return v2m_published_add(published, &alias);
	last->last_port = tracked->port;
	return 0;
}

/* If the port serves anything else too, nobody knows whose bytes pass. */
static void note_mixed(struct v2m_published *published, const struct v2m_tracked *tracked,
		       uint16_t key)
{
	if (!*published->unknown.text)
		v2m_error_set(&published->unknown, 0,
			      "connections to port %u reach a key's port %u, and others do not: "
			      "what passes port %u is not counted unless \"port_aliases\" names it",
			      tracked->port, key, tracked->port);
}

static bool demands_port(const struct v2m_nat_ports *ports, const struct v2m_tracked *tracked)
{
	return ports->first <= tracked->port && ports->last >= tracked->port;
}

/* What the rules say of a port that connections lead somewhere. */
struct ruling {
	bool open;      /* a rule that is not understood may do that */
	bool elsewhere; /* a rule leads to another slot, for some senders at least */
};

static void add_ruling(const struct v2m_nat_rule *rule, const struct v2m_tracked *tracked,
		       const struct v2m_published_scope *scope, uint32_t slot,
		       struct ruling *ruling)
{
	bool usable = rule->clear && !rule->opaque &&
		      (!rule->elsewhere || scope->is_served(scope->context, rule->address));

	if (!(rule->transports & tracked->transports))
		return;
	ruling->open = ruling->open || !rule->ports.count;
	for (size_t i = 0; i < rule->ports.count; i++) {
		const struct v2m_nat_ports *ports = &rule->ports.items[i];
		const struct v2m_nat_target *target = rule->mapped ? &ports->target : &rule->target;

		if (!demands_port(ports, tracked))
			continue;
		ruling->open = ruling->open || !usable;
		if (target->first && !target->shifts &&
		    scope->find_slot(scope->context, target->first, tracked->transports) != slot)
			ruling->elsewhere = true;
	}
}

/* Counts how much a port is compared with. */
static size_t count_compared(const struct v2m_nat_rules *rules)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->count; i++)
		n += 1 + rules->items[i].ports.count;
	return n;
}

static void note_too_many(struct v2m_published *published, const struct v2m_tracked *tracked)
{
	if (!*published->unknown.text)
		v2m_error_set(&published->unknown, 0,
			      "connections reach ports of keys under so many ports, and there are "
			      "so many NAT rules, that port %u and further ports are not compared "
			      "with the rules: what passes them is not counted unless "
			      "\"port_aliases\" names them",
			      tracked->port);
}

/* Connections outlive the rule that made them. So they show nothing where all rules are understood.
 */
int v2m_published_add_tracked(const struct v2m_tracked_list *tracked,
			      const struct v2m_nat_rules *rules, bool unread,
			      const struct v2m_published_scope *scope,
			      struct v2m_published *published)
{
	size_t known = published->aliases.count;
	size_t compared = 0;
	size_t more = count_compared(rules);
	size_t end;
	int result = 0;

	for (size_t i = 0; i < tracked->count && !result; i = end) {
		const struct v2m_tracked *flow = &tracked->items[i];
		struct ruling ruling = { .open = unread };
		uint16_t key;
		uint32_t slot = find_common_slot(tracked, i, scope, &end, &key);

		if (!key || is_known(published, known, flow) ||
		    scope->find_slot(scope->context, flow->port, flow->transports))
			continue;
		compared += more;
		if (compared > COMPARED_MAX) {
			note_too_many(published, flow);
			break;
		}
		for (size_t k = 0; k < rules->count; k++)
			add_ruling(&rules->items[k], flow, scope, slot, &ruling);
		if (!ruling.open)
			continue;
		if (slot && !ruling.elsewhere &&
		    scope->is_free(scope->context, flow->port, flow->transports, V2M_NAT_BOTH))
			result = add_tracked(published, known, flow, key);
		else
			note_mixed(published, flow, key);
	}
	return result;
}
