// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/port_slots.h"

/* Assigns slots to rules. A rule that is not counted keeps its slot until all other slots are
 * taken. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/transport.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/foreign.h"
#include "datapath/grace.h"
#include "datapath/map_list.h"
#include "datapath/state.h"
#include "datapath/counters.h"

#define PORTS 65536

_Static_assert(sizeof(struct v2m_port_slot) == sizeof(uint32_t), "written in one store");

/* A program sees either the old value or this one. */
static void set_element(struct v2m_port_element *element, struct v2m_port_slot slot)
{
	uint32_t value;

	memcpy(&value, &slot, sizeof(value));
	if (__atomic_load_n(&element->value, __ATOMIC_RELAXED) != value)
		__atomic_store_n(&element->value, value, __ATOMIC_RELEASE);
}

/* --- the image of the maps --- */

static void link_slot(struct v2m_datapath *datapath, uint16_t slot)
{
	struct v2m_slot_use *use = &datapath->slots[slot];

	use->next = datapath->slot_of[use->first_port];
	datapath->slot_of[use->first_port] = (uint16_t)(slot + 1);
	if (slot >= datapath->used_slots)
		datapath->used_slots = slot + 1u;
}

static void unlink_slot(struct v2m_datapath *datapath, uint16_t slot)
{
	uint16_t *link = &datapath->slot_of[datapath->slots[slot].first_port];

	while (*link && *link != slot + 1)
		link = &datapath->slots[*link - 1].next;
	if (*link)
		*link = datapath->slots[slot].next;
}

static int read_slots(struct v2m_datapath *datapath)
{
	struct v2m_port_counters *counters =
		v2m_counters_map(datapath, 0, V2M_INGRESS, V2M_MAX_SLOTS);

	if (!counters)
		return -errno;
	for (unsigned slot = 0; slot < V2M_MAX_SLOTS; slot++) {
		if (!counters[slot].first_port)
			continue;
		datapath->slots[slot] = (struct v2m_slot_use){
			.first_port = counters[slot].first_port,
			.last_port = counters[slot].last_port,
			.transports = counters[slot].transports,
			.assigned_ns = counters[slot].assigned_ns,
		};
		link_slot(datapath, (uint16_t)slot);
	}
	v2m_counters_unmap(counters, V2M_MAX_SLOTS);
	return 0;
}

static int read_counted(struct v2m_datapath *datapath)
{
	struct v2m_port_element *elements = v2m_port_elements_map(datapath);

	if (!elements)
		return -errno;
	for (unsigned port = 0; port < PORTS; port++) {
		struct v2m_port_slot place = v2m_port_element_get(&elements[port]);

		if (place.tcp.counted)
			datapath->slots[place.tcp.slot].counted = true;
		if (place.udp.counted)
			datapath->slots[place.udp.slot].counted = true;
	}
	v2m_port_elements_unmap(elements);
	return 0;
}

int v2m_port_slots_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	int result = read_slots(datapath);

	if (result == 0)
		result = read_counted(datapath);
	if (result)
		return v2m_error_set(error, result, "cannot read port_counters: %s",
				     strerror(-result));
	return 0;
}

/* --- setting the rules --- */

/* State of one call of set_ports. */
struct placing {
	struct v2m_datapath *datapath;
	const struct v2m_port_rule **rules; /* in the order of placing */
	size_t count;
	int *slots;                        /* of the rules; -1: none yet */
	bool *reserved;                    /* slots that belong to a rule of this call */
	struct v2m_port_slot *wanted;      /* by port */
	struct v2m_port_element *elements; /* the memory of port_slot */
	struct v2m_port_counters **parts;  /* the memory of port_counters, of each CPU: rx, tx */
	bool waited;                       /* for programs that may still use retired slots */
};

static void end_placing(struct placing *placing)
{
	for (int part = 0; placing->parts && part < placing->datapath->cpu_ids * 2; part++)
		if (placing->parts[part])
			v2m_counters_unmap(placing->parts[part], V2M_MAX_SLOTS);
	v2m_port_elements_unmap(placing->elements);
	free(placing->parts);
	free(placing->wanted);
	free(placing->reserved);
	free(placing->slots);
	free(placing->rules);
}

static bool is_single(const struct v2m_port_rule *rule)
{
	return rule->first_port == rule->last_port;
}

size_t v2m_port_slots_order(const struct v2m_port_rule *rules, size_t count,
			    const struct v2m_port_rule **ordered)
{
	size_t n = 0;

	for (int ranges = 0; ranges <= 1; ranges++)
		for (size_t i = 0; i < count && n < V2M_MAX_SLOTS; i++)
			if (is_single(&rules[i]) != ranges)
				ordered[n++] = &rules[i];
	return n;
}

static int begin_placing(struct placing *placing, const struct v2m_port_rule *rules, size_t count)
{
	struct v2m_datapath *datapath = placing->datapath;

	placing->rules = calloc(V2M_MAX_SLOTS, sizeof(*placing->rules));
	placing->slots = calloc(V2M_MAX_SLOTS, sizeof(*placing->slots));
	placing->reserved = calloc(V2M_MAX_SLOTS, sizeof(*placing->reserved));
	placing->wanted = calloc(PORTS, sizeof(*placing->wanted));
	placing->parts = calloc((size_t)datapath->cpu_ids * 2, sizeof(struct v2m_port_counters *));
	if (!placing->rules || !placing->slots || !placing->reserved || !placing->wanted ||
	    !placing->parts)
		return -ENOMEM;
	placing->elements = v2m_port_elements_map(datapath);
	if (!placing->elements)
		return -errno;
	for (int part = 0; part < datapath->cpu_ids * 2; part++) {
		placing->parts[part] = v2m_counters_map(
			datapath, part / 2, (enum v2m_direction)(part % 2), V2M_MAX_SLOTS);
		if (!placing->parts[part])
			return -errno;
	}
	placing->count = v2m_port_slots_order(rules, count, placing->rules);
	return 0;
}

/* Returns how well an earlier use fits a rule: 0 if it does not fit, higher is better. */
static int fitness(const struct v2m_slot_use *use, const struct v2m_port_rule *rule)
{
	if (use->last_port != rule->last_port || !(use->transports & rule->transports))
		return 0;
	return 1 + (use->transports == rule->transports) + (use->counted ? 2 : 0);
}

/* Returns the slot that fits the rule best, or -1. If several fit equally well, the one that was
 * assigned first. */
static int find_kept(const struct placing *placing, const struct v2m_port_rule *rule)
{
	const struct v2m_slot_use *slots = placing->datapath->slots;
	int best = -1;
	int best_fitness = 0;

	for (unsigned link = placing->datapath->slot_of[rule->first_port]; link;
	     link = slots[link - 1].next) {
		int fits = fitness(&slots[link - 1], rule);

		if (!fits || placing->reserved[link - 1] || fits < best_fitness)
			continue;
		if (fits == best_fitness && slots[best].assigned_ns < slots[link - 1].assigned_ns)
			continue;
		best = (int)link - 1;
		best_fitness = fits;
	}
	return best;
}

static void keep_slots(struct placing *placing)
{
	for (size_t i = 0; i < placing->count; i++) {
		int slot = -1;

		if (placing->rules[i]->transports)
			slot = find_kept(placing, placing->rules[i]);
		placing->slots[i] = slot;
		if (slot >= 0)
			placing->reserved[slot] = true;
	}
}

/* Finds a slot for a new rule: one that was never used, otherwise the one that was assigned longest
 * ago. A slot that is counted, or whose last bytes have not been read, is not free. -EBUSY if no
 * slot is free. */
static int find_free(const struct placing *placing)
{
	const struct v2m_datapath *datapath = placing->datapath;
	int oldest = -EBUSY;

	if (datapath->used_slots < V2M_MAX_SLOTS)
		return (int)datapath->used_slots;
	for (int slot = 0; slot < V2M_MAX_SLOTS; slot++) {
		const struct v2m_slot_use *use = &datapath->slots[slot];

		if (use->counted || use->leaving || placing->reserved[slot])
			continue;
		if (oldest < 0 || use->assigned_ns < datapath->slots[oldest].assigned_ns)
			oldest = slot;
	}
	return oldest;
}

/* Writes zeros and the new rule into the copies of every CPU and direction. This is safe, because
 * no program counts in the slot. The copy that read_slots() looks at is written last: if the
 * process ends before, the slot counts as never used. */
static void claim(struct placing *placing, uint16_t slot, const struct v2m_port_rule *rule)
{
	struct v2m_slot_use *use = &placing->datapath->slots[slot];
	uint64_t now_ns = (uint64_t)v2m_clock_real_us() * 1000;

	/* Must differ from any earlier use, even if the clock was set back or does not move. */
	if (now_ns <= use->assigned_ns)
		now_ns = use->assigned_ns + 1;
	if (use->first_port)
		unlink_slot(placing->datapath, slot);
	*use = (struct v2m_slot_use){
		.first_port = rule->first_port,
		.last_port = rule->last_port,
		.transports = (uint8_t)rule->transports,
		.assigned_ns = now_ns,
	};
	link_slot(placing->datapath, slot);
	__atomic_store_n(&placing->parts[0][slot].first_port, 0, __ATOMIC_SEQ_CST);
	for (int part = placing->datapath->cpu_ids * 2 - 1; part >= 0; part--) {
		struct v2m_port_counters *counters = &placing->parts[part][slot];

		*counters = (struct v2m_port_counters){
			.last_port = use->last_port,
			.slot = slot,
			.transports = use->transports,
			.tx = (uint8_t)(part % 2),
			.assigned_ns = now_ns,
		};
		__atomic_store_n(&counters->first_port, use->first_port, __ATOMIC_SEQ_CST);
	}
}

/* Gives slots to rules that have none, as long as slots are free. 0; -EBUSY if some rules got none;
 * or another -errno. */
static int claim_slots(struct placing *placing)
{
	for (size_t i = 0; i < placing->count; i++) {
		int slot;
		int result;

		if (placing->slots[i] >= 0 || !placing->rules[i]->transports)
			continue;
		slot = find_free(placing);
		if (slot < 0)
			return slot;
		if (placing->datapath->slots[slot].first_port && !placing->waited) {
			result = v2m_grace_period();
			if (result)
				return result;
			placing->waited = true;
		}
		claim(placing, (uint16_t)slot, placing->rules[i]);
		placing->slots[i] = slot;
		placing->reserved[slot] = true;
	}
	return 0;
}

void v2m_port_slots_compose(const struct v2m_port_rule *const *rules, const int *slots,
			    size_t count, struct v2m_port_slot wanted[65536])
{
	/* The last rules come first, so that the first rules overwrite them and win. */
	for (size_t i = count; i-- > 0;) {
		const struct v2m_transport_slot place = {
			.slot = (uint16_t)slots[i] & (V2M_MAX_SLOTS - 1),
			.counted = 1,
			.loopback = rules[i]->loopback,
			.shared = rules[i]->shared,
		};

		if (slots[i] < 0)
			continue;
		for (unsigned port = rules[i]->first_port; port <= rules[i]->last_port; port++) {
			if (rules[i]->transports & V2M_TCP)
				wanted[port].tcp = place;
			if (rules[i]->transports & V2M_UDP)
				wanted[port].udp = place;
		}
	}
}

static void compose_alias(const struct v2m_port_alias *alias, struct v2m_port_slot place,
			  struct v2m_port_slot wanted[65536])
{
	place.tcp.loopback = 0;
	place.udp.loopback = 0;
	for (unsigned port = alias->first_port; port <= alias->last_port; port++) {
		if (alias->transports & V2M_TCP && !wanted[port].tcp.counted)
			wanted[port].tcp = place.tcp;
		if (alias->transports & V2M_UDP && !wanted[port].udp.counted)
			wanted[port].udp = place.udp;
	}
}

/* The places of all targets first: an alias is not the target of another one. */
void v2m_port_aliases_compose(const struct v2m_port_aliases *aliases, struct v2m_port_slot *places,
			      struct v2m_port_slot wanted[65536])
{
	for (size_t i = 0; i < aliases->count; i++)
		places[i] = wanted[aliases->items[i].target];
	for (size_t i = 0; i < aliases->count; i++)
		compose_alias(&aliases->items[i], places[i], wanted);
}

int v2m_datapath_set_aliases(struct v2m_datapath *datapath, const struct v2m_port_aliases *aliases)
{
	struct v2m_port_aliases copy = { 0 };

	if (v2m_array_reserve(&copy, aliases->count + 1))
		return -ENOMEM;
	for (size_t i = 0; i < aliases->count; i++)
		copy.items[copy.count++] = aliases->items[i];
	v2m_array_clear(&datapath->aliases);
	datapath->aliases = copy;
	return 0;
}

/* 0 or -ENOMEM. */
static int place_aliases(struct placing *placing)
{
	const struct v2m_port_aliases *aliases = &placing->datapath->aliases;
	V2M_FREE struct v2m_port_slot *places = calloc(aliases->count + 1, sizeof(*places));

	if (!places)
		return -ENOMEM;
	v2m_port_aliases_compose(aliases, places, placing->wanted);
	return 0;
}

static bool begins(struct v2m_transport_slot before, struct v2m_transport_slot wanted)
{
	return before.counted && !before.shared && wanted.counted && wanted.shared;
}

static void set_elements(struct placing *placing)
{
	uint8_t *begun = placing->datapath->begun;

	for (unsigned port = 0; port < PORTS; port++) {
		struct v2m_port_slot before = v2m_port_element_get(&placing->elements[port]);
		const struct v2m_port_slot *wanted = &placing->wanted[port];

		if (begins(before.tcp, wanted->tcp))
			begun[port] |= V2M_TCP;
		if (begins(before.udp, wanted->udp))
			begun[port] |= V2M_UDP;
		set_element(&placing->elements[port], *wanted);
	}
}

/* Meanwhile the programs add to other members of the same element. */
static void note_transports(struct placing *placing)
{
	for (size_t i = 0; i < placing->count; i++) {
		int slot = placing->slots[i];
		uint8_t transports = (uint8_t)placing->rules[i]->transports;

		if (slot < 0 || placing->datapath->slots[slot].transports == transports)
			continue;
		placing->datapath->slots[slot].transports = transports;
		for (int part = 0; part < placing->datapath->cpu_ids * 2; part++)
			__atomic_store_n(&placing->parts[part][slot].transports, transports,
					 __ATOMIC_RELAXED);
	}
}

/* A program that has looked up a slot counts in it until the program ends. The last reading waits
 * for that. */
static int retire(struct placing *placing)
{
	bool retired = false;

	for (unsigned slot = 0; slot < placing->datapath->used_slots; slot++) {
		struct v2m_slot_use *use = &placing->datapath->slots[slot];

		if (use->counted && !placing->reserved[slot])
			use->leaving = true;
		use->counted = placing->reserved[slot];
		if (use->counted)
			use->leaving = false;
		retired |= use->leaving;
	}
	return retired ? v2m_grace_period() : 0;
}

static int set_rules(struct placing *placing, const struct v2m_port_rule *rules, size_t count)
{
	int result = begin_placing(placing, rules, count);
	int failed;

	if (result)
		return result;
	keep_slots(placing);
	result = claim_slots(placing);
	if (result && result != -EBUSY)
		return result;
	note_transports(placing);
	v2m_port_slots_compose(placing->rules, placing->slots, placing->count, placing->wanted);
	failed = place_aliases(placing);
	if (!failed)
		failed = v2m_foreign_mark(placing->datapath, placing->wanted);
	if (failed)
		return failed;
	set_elements(placing);
	failed = retire(placing);
	/* Again, for entries that programs made before the ports changed. */
	if (!failed)
		failed = v2m_foreign_mark(placing->datapath, placing->wanted);
	return failed ? failed : result;
}

int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error)
{
	struct placing placing = { .datapath = datapath };
	int result;

	for (size_t i = 0; i < count; i++)
		if (!rules[i].first_port || rules[i].last_port < rules[i].first_port)
			return v2m_error_set(error, -EINVAL,
					     "rule %zu: no ports from %u to %u (1 to 65535)", i,
					     rules[i].first_port, rules[i].last_port);
	result = set_rules(&placing, rules, count);
	end_placing(&placing);
	if (result)
		return v2m_error_set(error, result, "cannot set the monitored ports: %s",
				     strerror(-result));
	return (int)placing.count;
}
