// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nat_chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/transport.h"

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
	bool emits;
	size_t steps;
};

/* Rules of the present chain that end the way of their ports. */
struct ends {
	const struct v2m_nat_rule **items;
	size_t count;
	size_t capacity;
};

bool v2m_nat_rule_matters(const struct v2m_nat_rule *rule)
{
	return rule->changes || rule->jump || rule->branches || (rule->ends && rule->ports.count);
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

/* What the rule does, under what the way to it demands as well. *never: both demand different
 * ports. The caller frees the ports in any case. */
static int join(struct walk *walk, const struct v2m_nat_rule *way, const struct v2m_nat_rule *rule,
		struct v2m_nat_rule *joined, bool *never)
{
	int result;

	*joined = *rule;
	joined->ports = (struct v2m_nat_ports_list){ 0 };
	joined->clear = rule->clear && way->clear;
	joined->transports = rule->transports & way->transports;
	if (!way->ports.count)
		result = copy_ports(walk, &rule->ports, &joined->ports);
	else if (!rule->ports.count)
		result = copy_ports(walk, &way->ports, &joined->ports);
	else
		result = intersect(walk, &way->ports, &rule->ports, &joined->ports);
	*never = !joined->transports ||
		 (way->ports.count && rule->ports.count && !joined->ports.count);
	return result;
}

static bool have_port_in_common(struct walk *walk, const struct v2m_nat_rule *one,
				const struct v2m_nat_rule *other)
{
	if (!(one->transports & other->transports))
		return false;
	for (size_t i = 0; i < one->ports.count; i++)
		for (size_t k = 0; k < other->ports.count; k++) {
			const struct v2m_nat_ports *a = &one->ports.items[i];
			const struct v2m_nat_ports *b = &other->ports.items[k];

			walk->steps++;
			if (a->first <= b->last && b->first <= a->last)
				return true;
		}
	return false;
}

/* A rule does not get all packets of its ports if an earlier one ends the way of some. */
static void heed_ends(struct walk *walk, const struct ends *ends, struct v2m_nat_rule *rule)
{
	for (size_t i = 0; i < ends->count && rule->clear && walk->steps <= STEPS_MAX; i++)
		if (have_port_in_common(walk, ends->items[i], rule))
			rule->clear = false;
}

static int walk_chain(struct walk *walk, uint32_t number, const struct v2m_nat_rule *way,
		      unsigned depth);

static int walk_rule(struct walk *walk, const struct v2m_nat_rule *rule, const struct ends *ends,
		     const struct v2m_nat_rule *way, unsigned depth)
{
	struct v2m_nat_rule joined;
	bool never;
	int result;

	if (++walk->steps > STEPS_MAX)
		return -E2BIG;
	if (!rule->changes && !rule->jump)
		return 0;
	result = join(walk, way, rule, &joined, &never);
	heed_ends(walk, ends, &joined);
	if (!result && !never && rule->jump)
		result = walk_chain(walk, rule->jump, &joined, depth + 1);
	if (!result && !never && rule->changes && walk->emits) {
		result = walk->found.count < FOUND_MAX ? v2m_array_add(&walk->found, joined)
						       : -E2BIG;
		if (!result)
			joined.ports = (struct v2m_nat_ports_list){ 0 };
	}
	v2m_array_clear(&joined.ports);
	return result;
}

static int walk_chain(struct walk *walk, uint32_t number, const struct v2m_nat_rule *way,
		      unsigned depth)
{
	struct chain *chain = find_chain(walk, number);
	struct ends ends = { 0 };
	int result = 0;

	if (!chain)
		return 0;
	if (depth > DEPTH_MAX)
		return -E2BIG;
	chain->reached = true;
	for (size_t i = 0; i < chain->count && !result; i++) {
		const struct v2m_nat_rule *rule = &walk->rules->items[chain->first + i];

		result = walk_rule(walk, rule, &ends, way, depth);
		if (!result && rule->ends && rule->ports.count)
			result = v2m_array_add(&ends, rule);
	}
	v2m_array_clear(&ends);
	return result;
}

static int walk_roots(struct walk *walk, const struct v2m_nat_roots *roots, bool emits)
{
	const struct v2m_nat_rule way = { .clear = true, .transports = V2M_TCP | V2M_UDP };
	int result = 0;

	walk->emits = emits;
	for (size_t i = 0; i < roots->count && !result; i++)
		result = walk_chain(walk, roots->items[i], &way, 0);
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
	const struct v2m_nat_rule way = { .transports = V2M_TCP | V2M_UDP };
	int result = 0;

	walk->emits = true;
	for (size_t i = 0; i < walk->chains.count && !result; i++)
		if (!walk->chains.items[i].reached)
			result = walk_chain(walk, walk->chains.items[i].number, &way, 0);
	return result;
}

int v2m_nat_chains_follow(struct v2m_nat_rules *rules, const struct v2m_nat_roots *roots,
			  const struct v2m_nat_roots *others)
{
	struct walk walk = { .rules = rules };
	int result = list_chains(&walk);

	if (!result)
		result = walk_roots(&walk, roots, true);
	if (!result)
		result = walk_roots(&walk, others, false);
	if (!result && has_branches(rules))
		result = walk_rest(&walk);
	v2m_array_clear(&walk.chains);
	if (result) {
		v2m_nat_rules_clear(&walk.found);
		return result;
	}
	v2m_nat_rules_clear(rules);
	*rules = walk.found;
	return 0;
}
