// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "paths/families.h"
#include "paths/published_tracked.h"
#include "paths/rule_order.h"

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

static void note_disputed(struct v2m_published *published, uint16_t port, uint16_t target)
{
	if (!*published->unknown.text)
		v2m_error_set(
			&published->unknown, 0,
			"a NAT rule sends port %u to a key's port %u, another one may send it "
			"elsewhere, and the order of their chains is not known: what passes "
			"port %u is not counted unless \"port_aliases\" names it",
			port, target, port);
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

static uint16_t shift(const struct v2m_nat_target *target, unsigned port)
{
	unsigned size = (unsigned)(target->last - target->first) + 1;

	return (uint16_t)(target->first + (uint16_t)(port - target->base) % size);
}

/* Adds the alias without the ports that may be another rule's. */
static int add_undisputed(const struct look *look, const struct v2m_port_alias *whole,
			  const struct v2m_nat_target *target)
{
	V2M_CLEANUP(v2m_alias_parts_clear) struct v2m_alias_parts parts;
	int result = v2m_alias_parts_make(whole, &parts);

	if (!result)
		result =
			v2m_alias_cut_disputed(whole, look->rule, look->rules, look->scope, &parts);
	v2m_alias_parts_sort(&parts);
	if (!result && parts.lost.count)
		note_disputed(look->published, parts.lost.items[0].first,
			      target->shifts ? shift(target, parts.lost.items[0].first)
					     : whole->target);
	for (size_t i = 0; i < parts.left.count && !result && !look->notes; i++) {
		struct v2m_port_alias alias = *whole;

		alias.first_port = parts.left.items[i].first;
		alias.last_port = parts.left.items[i].last;
		if (target->shifts)
			alias.target = shift(target, alias.first_port);
		result = v2m_published_add(look->published, &alias);
	}
	return result;
}

/* All ports of the alias count in one slot, as port of the target does. */
static int add_ports(const struct look *look, uint16_t first, uint16_t last,
		     const struct v2m_nat_target *target, uint16_t port)
{
	const struct v2m_port_alias alias = {
		.first_port = first,
		.last_port = last,
		.target = port,
		.transports = look->rule->transports,
		.origin = V2M_ALIAS_RULE,
		.families = look->rule->addressed ? 0 : look->rule->families,
	};
	const struct v2m_nat_ports ports = { .first = first, .last = last };

	/* A port that stays the same is counted as it is. */
	if (first == last && first == port)
		return 0;
	if (look->usable)
		return add_undisputed(look, &alias, target);
	if (look->notes && !is_tracked(look, first, last))
		note_unclear(look->published, &ports, port);
	return 0;
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
			result = add_ports(look, (uint16_t)port, (uint16_t)(next - 1), target,
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
	return add_ports(look, ports->first, ports->last, target, port_of_key);
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

/* Packets to 127.0.0.0/8 do not arrive from elsewhere. */
static bool is_for_loopback(const struct v2m_nat_rule *rule)
{
	static const uint8_t loopback[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };

	return rule->addressed && memcmp(rule->destination, loopback, sizeof(loopback)) == 0;
}

static int add_rule(const struct v2m_nat_rules *rules, const struct v2m_nat_rule *rule,
		    const struct v2m_published_scope *scope, bool notes,
		    struct v2m_published *published)
{
	struct look look = {
		.scope = scope, .published = published, .rules = rules, .rule = rule, .notes = notes
	};
	int result = 0;

	if (is_for_loopback(rule))
		return 0;
	if (notes && rule->opaque && !*published->unknown.text)
		v2m_error_set(&published->unknown, 0,
			      "a NAT rule has a map that is not understood: if it sends a port on "
			      "to a key's port, that is not counted unless \"port_aliases\" names "
			      "it");
	if (notes && !rule->ports.count)
		note_portless(&look, rule);
	for (size_t i = 0; i < rule->ports.count && !result; i++) {
		const struct v2m_nat_ports *ports = &rule->ports.items[i];

		look.usable =
			rule->clear &&
			(!rule->elsewhere || scope->is_served(scope->context, rule->address)) &&
			(!rule->addressed || scope->is_served(scope->context, rule->destination));
		result = add_target(&look, ports, rule->mapped ? &ports->target : &rule->target);
	}
	return result;
}

static void note_mixed_families(struct v2m_published *published, const struct v2m_port_alias *alias,
				uint16_t port)
{
	bool is_ipv4 = alias->families == V2M_NAT_IPV4;

	if (*published->unknown.text)
		return;
	if (!alias->families)
		v2m_error_set(
			&published->unknown, 0,
			"a NAT rule sends port %u of one address to a key's port %u, and port "
			"%u of another address may be another server's: what passes port %u "
			"is not counted unless \"port_aliases\" names it",
			port, alias->target, port, port);
	else
		v2m_error_set(&published->unknown, 0,
			      "a NAT rule sends port %u to a key's port %u by %s only, and another "
			      "server has port %u by %s: what passes port %u is not counted unless "
			      "\"port_aliases\" names it",
			      port, alias->target, is_ipv4 ? "IPv4" : "IPv6", port,
			      is_ipv4 ? "IPv6" : "IPv4", port);
}

/* Adds the alias without the ports whose other family is somebody else's, and says so. */
static int add_unmixed(struct v2m_published *published, const struct v2m_port_alias *whole,
		       const struct v2m_nat_rules *rules, const struct v2m_published_scope *scope)
{
	V2M_CLEANUP(v2m_alias_parts_clear) struct v2m_alias_parts parts;
	int result = v2m_alias_parts_make(whole, &parts);

	if (!result)
		result = v2m_alias_cut_other_family(whole, rules, scope, &parts);
	v2m_alias_parts_sort(&parts);
	if (!result && parts.lost.count)
		note_mixed_families(published, whole, parts.lost.items[0].first);
	for (size_t i = 0; i < parts.left.count && !result; i++) {
		struct v2m_port_alias alias = *whole;

		alias.first_port = parts.left.items[i].first;
		alias.last_port = parts.left.items[i].last;
		result = v2m_published_add(published, &alias);
	}
	return result;
}

static int drop_mixed_families(struct v2m_published *published, const struct v2m_nat_rules *rules,
			       const struct v2m_published_scope *scope)
{
	struct v2m_port_aliases all = published->aliases;
	int result = 0;

	published->aliases = (struct v2m_port_aliases){ 0 };
	for (size_t i = 0; i < all.count && !result; i++) {
		if (all.items[i].origin == V2M_ALIAS_RULE && all.items[i].families != V2M_NAT_BOTH)
			published->depends_on_listeners = true;
		result = add_unmixed(published, &all.items[i], rules, scope);
	}
	v2m_array_clear(&all);
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
	if (!result)
		result = drop_mixed_families(published, rules, scope);
	if (!result)
		result = v2m_published_add_tracked(tracked, rules,
						   is_unread(read.nft) || is_unread(read.legacy),
						   scope, published);
	for (size_t i = 0; i < rules->count && !result; i++)
		result = add_rule(rules, &rules->items[i], scope, true, published);
	note_unread(published, read.legacy, "iptables-legacy");
	note_unread(published, read.nft, "nftables");
	/* The operator has said what there is. */
	if (configured)
		published->unknown.text[0] = 0;
	return result;
}
