// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nat_chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/transport.h"
#include "paths/port_spans.h"

/* The kernel allows 16 jumps in nftables. */
#define DEPTH_MAX 16
/* Rules and ports that are looked at: a second's work. */
#define STEPS_MAX 4000000
/* Each rule takes some 100 bytes. */
#define FOUND_MAX 65536

/* The rules of a chain. */
struct chain {
	uint32_t number;
	size_t first;
	size_t count;
	bool reached;
};

struct walk {
	const struct v2m_nat_rules *rules;
	V2M_ARRAY(struct chain) chains; /* ascending by number */
	struct v2m_nat_rules found;
	struct v2m_nat_rules taken; /* rules that keep their packets from those that come later */
	uint8_t *touched;           /* ports that some of them demand, as bytes that are 1 */
	size_t portless;            /* how many of them demand no port */
	bool emits;
	struct v2m_nat_root root; /* of the present chain */
	size_t steps;
};

bool v2m_nat_rule_matters(const struct v2m_nat_rule *rule)
{
	return rule->changes || rule->jump || rule->branches || rule->ends || rule->returns;
}

void v2m_nat_rules_clear(struct v2m_nat_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		v2m_array_clear(&rules->items[i].ports);
	v2m_array_clear(rules);
}

static int compare_chains(const void *left, const void *right)
{
	const struct chain *a = left;
	const struct chain *b = right;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int list_chains(struct walk *walk)
{
	const struct v2m_nat_rules *rules = walk->rules;

	for (size_t i = 0; i < rules->count; i++) {
		uint32_t number = rules->items[i].chain;

		if (i && number == rules->items[i - 1].chain)
			walk->chains.items[walk->chains.count - 1].count++;
		else if (v2m_array_add(&walk->chains, (struct chain){ number, i, 1, false }))
			return -ENOMEM;
	}
	if (walk->chains.count)
		qsort(walk->chains.items, walk->chains.count, sizeof(*walk->chains.items),
		      compare_chains);
	return 0;
}

static struct chain *find_chain(const struct walk *walk, uint32_t number)
{
	const struct chain wanted = { .number = number };

	return walk->chains.count ? bsearch(&wanted, walk->chains.items, walk->chains.count,
					    sizeof(wanted), compare_chains)
				  : NULL;
}

/* Adds the ports that both demand, with the targets of the rule's. */
static int intersect(struct walk *walk, const struct v2m_nat_ports_list *way,
		     const struct v2m_nat_ports_list *rule, struct v2m_nat_ports_list *both)
{
	for (size_t i = 0; i < way->count; i++)
		for (size_t k = 0; k < rule->count; k++) {
			struct v2m_nat_ports made = rule->items[k];

			if (++walk->steps > STEPS_MAX)
				return -E2BIG;
			if (made.first < way->items[i].first)
				made.first = way->items[i].first;
			if (made.last > way->items[i].last)
				made.last = way->items[i].last;
			if (made.first <= made.last && v2m_array_add(both, made))
				return -ENOMEM;
		}
	return 0;
}

static int copy_ports(struct walk *walk, const struct v2m_nat_ports_list *from,
		      struct v2m_nat_ports_list *copy)
{
	walk->steps += from->count;
	if (walk->steps > STEPS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < from->count; i++)
		if (v2m_array_add(copy, from->items[i]))
			return -ENOMEM;
	return 0;
}

/* The destination that both demand. False: they demand different ones. */
static bool join_addresses(const struct v2m_nat_rule *way, struct v2m_nat_rule *joined)
{
	if (!way->addressed)
		return true;
	if (joined->addressed)
		return memcmp(way->destination, joined->destination, sizeof(way->destination)) == 0;
	joined->addressed = true;
	memcpy(joined->destination, way->destination, sizeof(joined->destination));
	return true;
}

/* What the rule does, under what the way to it demands as well. *never: both demand different
 * ports. The caller frees the ports in any case. */
static int join(struct walk *walk, const struct v2m_nat_rule *way, const struct v2m_nat_rule *rule,
		struct v2m_nat_rule *joined, bool *never)
{
	int result;

	*joined = *rule;
	joined->ports = (struct v2m_nat_ports_list){ 0 };
	joined->root = walk->root;
	joined->clear = rule->clear && way->clear;
	joined->devices = rule->devices || way->devices;
	joined->families = rule->families & way->families;
	joined->transports = rule->transports & way->transports;
	if (!way->ports.count)
		result = copy_ports(walk, &rule->ports, &joined->ports);
	else if (!rule->ports.count)
		result = copy_ports(walk, &way->ports, &joined->ports);
	else
		result = intersect(walk, &way->ports, &rule->ports, &joined->ports);
	*never = !join_addresses(way, joined) || !joined->transports || !joined->families ||
		 (way->ports.count && rule->ports.count && !joined->ports.count);
	return result;
}

static bool is_same_target(const struct v2m_nat_target *one, const struct v2m_nat_target *other)
{
	return one->first == other->first && one->last == other->last &&
	       one->shifts == other->shifts && one->base == other->base;
}

bool v2m_nat_order_is_known(const struct v2m_nat_rule *one, const struct v2m_nat_rule *other)
{
	return one->legacy == other->legacy &&
	       (one->root.chain == other->root.chain || one->root.priority != other->root.priority);
}

bool v2m_nat_rules_lead_to_same(const struct v2m_nat_rule *one, const struct v2m_nat_rule *other)
{
	return one->changes && other->changes && !one->mapped && !other->mapped && !one->opaque &&
	       !other->opaque && is_same_target(&one->target, &other->target) &&
	       one->elsewhere == other->elsewhere &&
	       (!one->elsewhere || memcmp(one->address, other->address, sizeof(one->address)) == 0);
}

/* Conditions about devices keep an earlier rule from what containers send, and it names no port. */
static bool keeps_nothing(const struct v2m_nat_rule *earlier)
{
	return !earlier->ports.count && earlier->devices;
}

/* Whether the earlier rule holds for all destinations that the rule holds for. *none: for none of
 * them. */
static bool has_destinations(const struct v2m_nat_rule *earlier, const struct v2m_nat_rule *rule,
			     bool *none)
{
	bool same = memcmp(earlier->destination, rule->destination, sizeof(rule->destination)) == 0;

	*none = earlier->addressed && rule->addressed && !same;
	return !earlier->addressed || (rule->addressed && same);
}

/* Takes from the rule what an earlier one without ports keeps from it. If that keeps the packets of
 * some transports of some families, what is left cannot be told, so the rule is not clear. */
static void heed_portless(const struct v2m_nat_rule *earlier, struct v2m_nat_rule *rule,
			  bool all_destinations)
{
	bool all_transports = !(rule->transports & ~earlier->transports);
	bool all_families = !(rule->families & ~earlier->families);

	if (keeps_nothing(earlier) || v2m_nat_rules_lead_to_same(earlier, rule))
		return;
	if (!earlier->clear || !all_destinations || (!all_transports && !all_families)) {
		rule->clear = false;
		return;
	}
	if (all_families)
		rule->transports &= ~earlier->transports;
	else
		rule->families &= ~earlier->families;
}

/* Takes from the rule what the earlier one keeps from it. A port goes to unclear if only some of
 * its packets are kept: nobody knows whose bytes pass it. If nothing is left, the rule has no
 * transport. */
static int heed(struct walk *walk, const struct v2m_nat_rule *earlier, struct v2m_nat_rule *rule,
		struct v2m_nat_ports_list *unclear)
{
	bool none;
	bool all_destinations = has_destinations(earlier, rule, &none);
	bool all = earlier->clear && !earlier->devices && all_destinations &&
		   !(rule->transports & ~earlier->transports) &&
		   !(rule->families & ~earlier->families);
	int result = 0;

	if (none || !(earlier->transports & rule->transports) ||
	    !(earlier->families & rule->families) ||
	    (!all && v2m_nat_rules_lead_to_same(earlier, rule)) ||
	    !v2m_nat_order_is_known(earlier, rule))
		return 0;
	if (!earlier->ports.count)
		heed_portless(earlier, rule, all_destinations);
	for (size_t i = 0; i < earlier->ports.count && !result; i++) {
		walk->steps += rule->ports.count;
		result = walk->steps > STEPS_MAX
				 ? -E2BIG
				 : v2m_port_spans_cut(&rule->ports, &earlier->ports.items[i],
						      all ? NULL : unclear);
	}
	return result;
}

static int heed_all(struct walk *walk, struct v2m_nat_rule *rule,
		    struct v2m_nat_ports_list *unclear)
{
	int result = 0;

	walk->steps += walk->taken.count / 16; /* most of them have nothing in common with it */
	for (size_t i = 0; i < walk->taken.count && !result; i++)
		result = walk->steps > STEPS_MAX ? -E2BIG
						 : heed(walk, &walk->taken.items[i], rule, unclear);
	return result;
}

/* The copy has the ports of the list. */
static int add_copy(struct walk *walk, const struct v2m_nat_rule *rule,
		    const struct v2m_nat_ports_list *ports, struct v2m_nat_rules *rules)
{
	struct v2m_nat_rule copy = *rule;
	int result;

	copy.ports = (struct v2m_nat_ports_list){ 0 };
	result = copy_ports(walk, ports, &copy.ports);
	if (!result)
		result = rules->count < FOUND_MAX ? v2m_array_add(rules, copy) : -E2BIG;
	if (result)
		v2m_array_clear(&copy.ports);
	return result;
}

/* Most rules have their ports for themselves. */
static bool is_touched(const struct walk *walk, const struct v2m_nat_rule *rule)
{
	for (size_t i = 0; i < rule->ports.count; i++) {
		const struct v2m_nat_ports *ports = &rule->ports.items[i];

		if (ports->first <= ports->last && memchr(walk->touched + ports->first, 1,
							  (size_t)(ports->last - ports->first) + 1))
			return true;
	}
	return walk->portless;
}

/* Adds the rule with these ports. Later rules do not get its packets. */
static int take(struct walk *walk, const struct v2m_nat_rule *rule,
		const struct v2m_nat_ports_list *ports)
{
	int result = rule->changes ? add_copy(walk, rule, ports, &walk->found) : 0;

	if (result || keeps_nothing(rule))
		return result;
	result = add_copy(walk, rule, ports, &walk->taken);
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i].first <= ports->items[i].last)
			memset(walk->touched + ports->items[i].first, 1,
			       (size_t)(ports->items[i].last - ports->items[i].first) + 1);
	walk->portless += !result && !ports->count;
	return result;
}

/* Adds the rule with what the earlier ones leave to it. One that changes nothing keeps from later
 * ones what it demands, whatever the earlier ones have kept already. */
static int take_left(struct walk *walk, const struct v2m_nat_rule *rule)
{
	struct v2m_nat_ports_list unclear = { 0 };
	struct v2m_nat_rule left = *rule;
	int result;

	left.ports = (struct v2m_nat_ports_list){ 0 };
	result = copy_ports(walk, &rule->ports, &left.ports);
	if (!result && rule->changes && is_touched(walk, rule))
		result = heed_all(walk, &left, &unclear);
	if (!result && left.transports && (left.ports.count || !rule->ports.count))
		result = take(walk, &left, &left.ports);
	left.clear = false;
	if (!result && left.transports && unclear.count)
		result = take(walk, &left, &unclear);
	v2m_array_clear(&left.ports);
	v2m_array_clear(&unclear);
	return result;
}

static int walk_chain(struct walk *walk, uint32_t number, const struct v2m_nat_rule *way,
		      unsigned depth);

static bool takes_packets(const struct v2m_nat_rule *rule)
{
	return rule->changes || rule->ends || rule->returns;
}

static int walk_rule(struct walk *walk, const struct v2m_nat_rule *rule,
		     const struct v2m_nat_rule *way, unsigned depth)
{
	struct v2m_nat_rule joined;
	bool never;
	int result;

	if (++walk->steps > STEPS_MAX)
		return -E2BIG;
	if (!rule->jump && !takes_packets(rule))
		return 0;
	result = join(walk, way, rule, &joined, &never);
	if (!result && !never && rule->jump)
		result = walk_chain(walk, rule->jump, &joined, depth + 1);
	if (!result && !never && takes_packets(rule) && walk->emits)
		result = take_left(walk, &joined);
	v2m_array_clear(&joined.ports);
	return result;
}

/* Forgets rules from that one on that keep nothing from the rules behind the chain. */
static void forget_taken(struct walk *walk, size_t from, bool at_root)
{
	size_t kept = from;

	for (size_t i = from; i < walk->taken.count; i++) {
		struct v2m_nat_rule *rule = &walk->taken.items[i];

		if (rule->changes || (rule->ends && !at_root)) {
			walk->taken.items[kept++] = *rule;
			continue;
		}
		walk->portless -= !rule->ports.count;
		v2m_array_clear(&rule->ports);
	}
	walk->taken.count = kept;
}

static int walk_chain(struct walk *walk, uint32_t number, const struct v2m_nat_rule *way,
		      unsigned depth)
{
	struct chain *chain = find_chain(walk, number);
	size_t taken = walk->taken.count;
	int result = 0;

	if (!chain)
		return 0;
	if (depth > DEPTH_MAX)
		return -E2BIG;
	chain->reached = true;
	for (size_t i = 0; i < chain->count && !result; i++)
		result = walk_rule(walk, &walk->rules->items[chain->first + i], way, depth);
	forget_taken(walk, taken, depth == 0);
	return result;
}

static int walk_roots(struct walk *walk, const struct v2m_nat_roots *roots, bool emits)
{
	const struct v2m_nat_rule way = { .clear = true,
					  .families = V2M_NAT_BOTH,
					  .transports = V2M_TCP | V2M_UDP };
	int result = 0;

	walk->emits = emits;
	for (size_t i = 0; i < roots->count && !result; i++) {
		walk->root = roots->items[i];
		result = walk_chain(walk, walk->root.chain, &way, 0);
	}
	return result;
}

static bool has_branches(const struct v2m_nat_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->items[i].branches)
			return true;
	return false;
}

/* Chains to which only a map can lead. */
static int walk_rest(struct walk *walk)
{
	const struct v2m_nat_rule way = { .families = V2M_NAT_BOTH,
					  .transports = V2M_TCP | V2M_UDP };
	int result = 0;

	walk->emits = true;
	walk->root = (struct v2m_nat_root){ .priority = INT32_MAX };
	for (size_t i = 0; i < walk->chains.count && !result; i++)
		if (!walk->chains.items[i].reached)
			result = walk_chain(walk, walk->chains.items[i].number, &way, 0);
	return result;
}

int v2m_nat_chains_follow(struct v2m_nat_rules *rules, const struct v2m_nat_roots *roots,
			  const struct v2m_nat_roots *others)
{
	struct walk walk = { .rules = rules };
	int result = -ENOMEM;

	walk.touched = calloc(UINT16_MAX + 1, sizeof(*walk.touched));
	if (walk.touched)
		result = list_chains(&walk);

	if (!result)
		result = walk_roots(&walk, roots, true);
	if (!result)
		result = walk_roots(&walk, others, false);
	if (!result && has_branches(rules))
		result = walk_rest(&walk);
	v2m_array_clear(&walk.chains);
	v2m_nat_rules_clear(&walk.taken);
	free(walk.touched);
	if (result) {
		v2m_nat_rules_clear(&walk.found);
		return result;
	}
	v2m_nat_rules_clear(rules);
	*rules = walk.found;
	return 0;
}
