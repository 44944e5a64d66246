// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "paths/families.h"
#include "paths/rule_order.h"

/* As many as ports of keys can be counted. */
#define ALIASES_MAX 4096

/* Ports that connections show are compared with so many ports of rules. That takes 20 ms, in which
 * no counter is read. */
#define COMPARED_MAX 10000000

static bool is_equal(const struct v2m_port_alias *one, const struct v2m_port_alias *other)
{
	return one->first_port == other->first_port && one->last_port == other->last_port &&
	       one->target == other->target && one->transports == other->transports &&
	       one->origin == other->origin;
}

bool v2m_published_equal(const struct v2m_published *one, const struct v2m_published *other)
{
	if (one->aliases.count != other->aliases.count)
		return false;
	for (size_t i = 0; i < one->aliases.count; i++)
		if (!is_equal(&one->aliases.items[i], &other->aliases.items[i]))
			return false;
	return true;
}

/* docker and others have the same rule for several families and hooks. */
static int add_once(struct v2m_published *published, const struct v2m_port_alias *alias)
{
	struct v2m_port_aliases *list = &published->aliases;

	for (size_t i = 0; i < list->count; i++)
		if (is_equal(&list->items[i], alias)) {
			list->items[i].families |= alias->families;
			return 0;
		}
	if (list->count < ALIASES_MAX)
		return v2m_array_add(list, *alias);
	v2m_error_set(&published->unknown, 0,
		      "NAT rules publish ports of keys under more than %d ports and ranges: what "
		      "passes the others is not counted",
		      ALIASES_MAX);
	return 0;
}

/* Says of the first rule that is about a key and is not understood. */
static void note_unclear(struct v2m_published *published, const struct v2m_nat_ports *ports,
			 uint16_t target)
{
	if (*published->unknown.text)
		return;
	if (!ports)
		v2m_error_set(
			&published->unknown, 0,
			"a NAT rule sends to a key's port %u what arrives at ports that it does "
			"not name: that is not counted unless \"port_aliases\" names them",
			target);
	else
		v2m_error_set(
			&published->unknown, 0,
			"a NAT rule sends port %u to a key's port %u under conditions that are not "
			"understood, or to an address that is not this host's: what passes port %u "
			"is not counted unless \"port_aliases\" names it",
			ports->first, target, ports->first);
}

static void note_disputed(struct v2m_published *published, const struct v2m_port_alias *alias)
{
	if (!*published->unknown.text)
		v2m_error_set(
			&published->unknown, 0,
			"a NAT rule sends port %u to a key's port %u, another one may send it "
			"elsewhere, and the order of their chains is not known: what passes "
			"port %u is not counted unless \"port_aliases\" names it",
			alias->first_port, alias->target, alias->first_port);
}

/* A rule that is about a key, or may be. */
struct look {
	const struct v2m_published_scope *scope;
	struct v2m_published *published;
	const struct v2m_nat_rules *rules; /* all of them */
	const struct v2m_nat_rule *rule;
	bool usable; /* it is understood, and holds for all senders */
	bool notes;  /* what is not usable is said; else what is usable is added */
};

static uint32_t slot_at(const struct look *look, uint16_t port)
{
	return look->scope->find_slot(look->scope->context, port, look->rule->transports);
}

/* Whether connections have shown where all of the ports lead. */
static bool is_tracked(const struct look *look, uint16_t first, uint16_t last)
{
	const struct v2m_port_aliases *list = &look->published->aliases;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].origin == V2M_ALIAS_CONNTRACK &&
		    list->items[i].first_port <= first && list->items[i].last_port >= last &&
		    !(look->rule->transports & ~list->items[i].transports))
			return true;
	return false;
}

/* All ports of the alias count in one slot. */
static int add_ports(const struct look *look, uint16_t first, uint16_t last, uint16_t target)
{
	const struct v2m_port_alias alias = {
		.first_port = first,
		.last_port = last,
		.target = target,
		.transports = look->rule->transports,
		.origin = V2M_ALIAS_RULE,
		.families = look->rule->families,
	};
	const struct v2m_nat_ports ports = { .first = first, .last = last };

	/* A port that stays the same is counted as it is. */
	if (first == last && first == target)
		return 0;
	if (look->usable && v2m_alias_is_disputed(&alias, look->rule, look->rules, look->scope))
		note_disputed(look->published, &alias);
	else if (look->usable && !look->notes)
		return add_once(look->published, &alias);
	if (!look->usable && look->notes && !is_tracked(look, first, last))
		note_unclear(look->published, &ports, target);
	return 0;
}

static uint16_t shift(const struct v2m_nat_target *target, unsigned port)
{
	unsigned size = (unsigned)(target->last - target->first) + 1;

	return (uint16_t)(target->first + (uint16_t)(port - target->base) % size);
}

/* Each port goes to another one. Ports in a row that count in one slot are one alias. */
static int add_shifted(const struct look *look, const struct v2m_nat_ports *ports,
		       const struct v2m_nat_target *target)
{
	unsigned port = ports->first;
	int result = 0;

	while (port <= ports->last && !result) {
		uint32_t slot = slot_at(look, shift(target, port));
		unsigned next = port + 1;

		while (next <= ports->last && slot_at(look, shift(target, next)) == slot)
			next++;
		if (slot)
			result = add_ports(look, (uint16_t)port, (uint16_t)(next - 1),
					   shift(target, port));
		port = next;
	}
	return result;
}

/* The kernel takes the first port of the target, or another one if a connection of the same client
 * has the first one already. A port within the target stays as it is. */
static int add_range(struct look *look, const struct v2m_nat_ports *ports,
		     const struct v2m_nat_target *target)
{
	uint32_t slot = slot_at(look, target->first);
	uint16_t port_of_key = slot ? target->first : 0;

	for (unsigned port = target->first; port <= target->last; port++) {
		uint32_t other = slot_at(look, (uint16_t)port);

		if (other && !port_of_key)
			port_of_key = (uint16_t)port;
		if (other != slot)
			look->usable = false;
	}
	if (!port_of_key)
		return 0;
	return add_ports(look, ports->first, ports->last, port_of_key);
}

static int add_target(struct look *look, const struct v2m_nat_ports *ports,
		      const struct v2m_nat_target *target)
{
	if (!target->first || target->last < target->first || !ports->first ||
	    ports->first > ports->last)
		return 0;
	if (target->shifts)
		return add_shifted(look, ports, target);
	return add_range(look, ports, target);
}

/* A rule that names no port may send any to the target. */
static void note_portless(struct look *look, const struct v2m_nat_rule *rule)
{
	for (unsigned port = rule->target.first; port && port <= rule->target.last; port++)
		if (slot_at(look, (uint16_t)port)) {
			note_unclear(look->published, NULL, (uint16_t)port);
			return;
		}
}

static int add_rule(const struct v2m_nat_rules *rules, const struct v2m_nat_rule *rule,
		    const struct v2m_published_scope *scope, bool notes,
		    struct v2m_published *published)
{
	struct look look = {
		.scope = scope, .published = published, .rules = rules, .rule = rule, .notes = notes
	};
	int result = 0;

	if (notes && rule->opaque && !*published->unknown.text)
		v2m_error_set(&published->unknown, 0,
			      "a NAT rule has a map that is not understood: if it sends a port on "
			      "to a key's port, that is not counted unless \"port_aliases\" names "
			      "it");
	if (notes && !rule->ports.count)
		note_portless(&look, rule);
	for (size_t i = 0; i < rule->ports.count && !result; i++) {
		const struct v2m_nat_ports *ports = &rule->ports.items[i];

		look.usable = rule->clear &&
			      (!rule->elsewhere || scope->is_served(scope->context, rule->address));
		result = add_target(&look, ports, rule->mapped ? &ports->target : &rule->target);
	}
	return result;
}

/* Takes out aliases whose other family is somebody else's, and says so. */
static void drop_mixed_families(struct v2m_published *published, const struct v2m_nat_rules *rules,
				const struct v2m_published_scope *scope)
{
	struct v2m_port_aliases *list = &published->aliases;
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct v2m_port_alias *alias = &list->items[i];

		if (alias->origin == V2M_ALIAS_RULE && alias->families != V2M_NAT_BOTH)
			published->depends_on_listeners = true;
		if (!v2m_alias_serves_others(alias, rules, scope)) {
			list->items[kept++] = *alias;
			continue;
		}
		if (!*published->unknown.text)
			v2m_error_set(
				&published->unknown, 0,
				"a NAT rule sends port %u to a key's port %u by %s only, and "
				"another server has port %u by %s: what passes port %u is not "
				"counted unless \"port_aliases\" names it",
				alias->first_port, alias->target,
				alias->families == V2M_NAT_IPV4 ? "IPv4" : "IPv6",
				alias->first_port,
				alias->families == V2M_NAT_IPV4 ? "IPv6" : "IPv4",
				alias->first_port);
	}
	list->count = kept;
}

/* --- connection tracking --- */

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
		return add_once(published, &alias);
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
static int add_all_tracked(const struct v2m_tracked_list *tracked,
			   const struct v2m_nat_rules *rules, bool unread,
			   const struct v2m_published_scope *scope, struct v2m_published *published)
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

/* Whether there may be rules that were not read. */
static bool is_unread(int result)
{
	return result && result != -EOPNOTSUPP;
}

static void note_unread(struct v2m_published *published, int result, const char *kind)
{
	if (is_unread(result))
		v2m_error_set(
			&published->unknown, 0,
			"the NAT rules of %s on this host cannot be read (%s): if one sends a "
			"port on to a key's port, that is not counted unless "
			"\"port_aliases\" names it",
			kind, strerror(-result));
}

int v2m_published_make(const struct v2m_nat_rules *rules, struct v2m_published_reading read,
		       const struct v2m_tracked_list *tracked,
		       const struct v2m_published_scope *scope, struct v2m_published *published)
{
	const struct v2m_port_aliases *configured = scope->configured;
	int result = 0;

	*published = (struct v2m_published){ 0 };
	for (size_t i = 0; configured && i < configured->count && !result; i++)
		result = v2m_array_add(&published->aliases, configured->items[i]);
	for (size_t i = 0; i < rules->count && !result; i++)
		result = add_rule(rules, &rules->items[i], scope, false, published);
	drop_mixed_families(published, rules, scope);
	if (!result)
		result = add_all_tracked(tracked, rules,
					 is_unread(read.nft) || is_unread(read.legacy), scope,
					 published);
	for (size_t i = 0; i < rules->count && !result; i++)
		result = add_rule(rules, &rules->items[i], scope, true, published);
	note_unread(published, read.legacy, "iptables-legacy");
	note_unread(published, read.nft, "nftables");
	/* The operator has said what there is. */
	if (configured)
		published->unknown.text[0] = 0;
	return result;
}

void v2m_published_clear(struct v2m_published *published)
{
	v2m_array_clear(&published->aliases);
	published->unknown.text[0] = 0;
}
