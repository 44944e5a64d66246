// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "paths/nat_lookup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* As many rules as one rule may stand for. A service of Kubernetes is one element. */
#define WAYS_MAX 65536
/* A set that only tells which packets a rule is for may be a list of all addresses of a country. */
#define MEMBERS_MAX 1024

void v2m_nat_sets_clear(struct v2m_nat_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		v2m_array_clear(&sets->items[i].set);
	v2m_array_clear(sets);
}

/* NULL: out of memory, or *result says why. */
static const struct v2m_nat_named_set *find_set(struct v2m_nat_sets *sets,
						const struct v2m_nat_rule_scope *scope,
						const char *name, int *result)
{
	struct v2m_nat_named_set *made;

	*result = 0;
	for (size_t i = 0; i < sets->count; i++)
		if (strcmp(sets->items[i].name, name) == 0)
			return &sets->items[i];
	made = v2m_array_append(sets);
	if (!made) {
		*result = -ENOMEM;
		return NULL;
	}
	made->name = name;
	*result = scope->read_set(scope->context, name, &made->set);
	made->understood = *result == 0;
	if (*result == -EINVAL)
		*result = 0;
	return *result ? NULL : made;
}

static uint16_t port_of(const uint8_t *value)
{
	return (uint16_t)(value[0] << 8 | value[1]);
}

/* Whether the set has nothing but ports, or maps ports to ports. */
static bool has_ports_only(const struct v2m_nat_set *set, bool maps)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].key_length != 2 || set->items[i].verdict ||
		    set->items[i].data_length != (maps ? 2 : 0))
			return false;
	return true;
}

static int add_ports(struct v2m_nat_rule *rule, const struct v2m_nat_set *set)
{
	int result = 0;

	for (size_t i = 0; i < set->count && !result; i++) {
		const struct v2m_nat_element *element = &set->items[i];
		uint16_t target = port_of(element->data);

		if (port_of(element->first) > port_of(element->last))
			continue;
		result = v2m_array_add(
			&rule->ports,
			(struct v2m_nat_ports){ .first = port_of(element->first),
						.last = port_of(element->last),
						.target = { .first = target, .last = target } });
	}
	return result;
}

void v2m_nat_verdict_read(struct v2m_nat_rule *rule, uint32_t code, uint32_t chain)
{
	rule->returns = code == (uint32_t)NFT_RETURN || code == (uint32_t)NFT_GOTO;
	rule->ends = !chain && !rule->returns && code != (uint32_t)NFT_CONTINUE &&
		     code != (uint32_t)NFT_JUMP;
	rule->jump = chain;
}

/* The register must hold what the element has. */
static void demand_value(struct v2m_nat_reading *reading, uint32_t from, const uint8_t *value)
{
	if (memcmp(reading->values + (size_t)from * 4, value, 4) != 0)
		reading->never = true;
}

static void demand_field(struct v2m_nat_reading *reading, uint32_t from, const uint8_t *first,
			 const uint8_t *last)
{
	enum v2m_nat_holds field = reading->holds[from];
	size_t length = (size_t)v2m_nat_width(field) * 4;

	if (field == V2M_HOLDS_PORT)
		v2m_nat_demand_ports(reading, port_of(first), port_of(last));
	else if (memcmp(first, last, length) != 0)
		reading->rule->clear = false;
	else if (field == V2M_HOLDS_VALUE)
		demand_value(reading, from, first);
	else
		v2m_nat_demand(reading, field, NFT_CMP_EQ, first, length);
}

/* The fields of a key lie in the registers one behind the other. */
static void demand_key(struct v2m_nat_reading *reading, uint32_t from,
		       const struct v2m_nat_element *element)
{
	size_t at = 0;

	if (!element->key_length)
		reading->rule->clear = false;
	while (at < element->key_length) {
		uint32_t width = from < V2M_NAT_REGISTERS ? v2m_nat_width(reading->holds[from]) : 1;

		if (from + width > V2M_NAT_REGISTERS || at + (size_t)width * 4 > V2M_NAT_KEY_SIZE) {
			reading->rule->clear = false;
			return;
		}
		demand_field(reading, from, element->first + at, element->last + at);
		at += (size_t)width * 4;
		from += width;
	}
}

/* Whether the key that begins in that register may have a field that is understood. */
static bool has_field(const struct v2m_nat_reading *reading, uint32_t from)
{
	for (uint32_t i = from; i < V2M_NAT_REGISTERS; i++)
		if (reading->holds[i] != V2M_HOLDS_UNKNOWN)
			return true;
	return false;
}

/* The element that this reading of the rule is about. NULL: the set has none, or too many. */
static const struct v2m_nat_element *choose(struct v2m_nat_reading *reading,
					    const struct v2m_nat_set *set)
{
	size_t index;

	if (!set->count || set->count > WAYS_MAX / reading->ways)
		return NULL;
	index = reading->choice / reading->ways % set->count;
	reading->ways *= set->count;
	return &set->items[index];
}

/* A map that says to which chain the rule leads, and that is not understood. */
static void give_up(struct v2m_nat_reading *reading, v2m_attributes data)
{
	reading->rule->clear = false;
	reading->rule->branches =
		data[NFTA_LOOKUP_DREG] && v2m_nat_u32(data[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT;
}

static void take_element(struct v2m_nat_reading *reading, const struct v2m_nat_element *element,
			 uint32_t from, v2m_attributes data)
{
	uint32_t to = v2m_nat_register(data[NFTA_LOOKUP_DREG]);

	demand_key(reading, from, element);
	if (element->verdict)
		v2m_nat_verdict_read(reading->rule, element->code, element->chain);
	else if (element->data_length)
		v2m_nat_hold_value(reading, to, element->data, element->data_length);
	else if (data[NFTA_LOOKUP_DREG])
		v2m_nat_hold(reading, to, V2M_HOLDS_UNKNOWN);
}

int v2m_nat_lookup_read(struct v2m_nat_reading *reading, const struct v2m_nat_rule_scope *scope,
			struct v2m_nat_sets *sets, v2m_attributes data)
{
	uint32_t from = v2m_nat_register(data[NFTA_LOOKUP_SREG]);
	bool maps = data[NFTA_LOOKUP_DREG];
	const struct v2m_nat_named_set *named = NULL;
	const struct v2m_nat_element *element;
	int result = 0;

	if (from != V2M_NAT_REGISTERS && data[NFTA_LOOKUP_SET] &&
	    !v2m_nat_u32(data[NFTA_LOOKUP_FLAGS]) && (maps || has_field(reading, from)))
		named = find_set(sets, scope, v2m_attribute_string(data[NFTA_LOOKUP_SET]), &result);
	if (result)
		return result;
	if (!named || !named->understood) {
		give_up(reading, data);
		return 0;
	}
	if (reading->holds[from] == V2M_HOLDS_PORT && has_ports_only(&named->set, maps)) {
		if (maps)
			v2m_nat_hold(reading, v2m_nat_register(data[NFTA_LOOKUP_DREG]),
				     V2M_HOLDS_MAPPED_PORT);
		reading->never = reading->never || !named->set.count;
		return add_ports(reading->rule, &named->set);
	}
	element = maps || named->set.count <= MEMBERS_MAX ? choose(reading, &named->set) : NULL;
	if (element)
		take_element(reading, element, from, data);
	else if (named->set.count)
		give_up(reading, data);
	else
		reading->never = true;
	return 0;
}
