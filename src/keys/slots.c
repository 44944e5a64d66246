// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "v2meter/bpf_abi.h"

#define PORTS 65536u

void v2m_slots_clear(struct v2m_slots *slots)
{
	free(slots->items);
	free(slots->keys);
	free(slots->runs[0]);
	free(slots->runs[1]);
	*slots = (struct v2m_slots){ 0 };
}

/* Whether a group of each layer has the same ports and owners; the first ports are equal. */
static bool same_ports_and_owners(const struct v2m_slot_layer *a, const struct v2m_slot_group *one,
				  const struct v2m_slot_layer *b,
				  const struct v2m_slot_group *other)
{
	return one->last_port == other->last_port && one->loopback == other->loopback &&
	       one->behind == other->behind && one->n_keys == other->n_keys &&
	       memcmp(a->keys + one->keys, b->keys + other->keys, one->n_keys * sizeof(size_t)) ==
		       0;
}

static void add_slot(struct v2m_slots *slots, const struct v2m_slot_layer *layer,
		     const struct v2m_slot_group *group, unsigned transports)
{
	size_t *keys =
		slots->keys + (slots->count ? slots->items[slots->count - 1].keys - slots->keys +
						      slots->items[slots->count - 1].n_keys
					    : 0);

	memcpy(keys, layer->keys + group->keys, group->n_keys * sizeof(*keys));
	slots->items[slots->count++] = (struct v2m_slot){
		.first_port = group->first_port,
		.last_port = group->last_port,
		.transports = transports,
		.loopback = group->loopback,
		.behind = group->behind,
		.visited = group->visited && (transports & V2M_TCP),
		.unlisted = group->unlisted,
		.keys = keys,
		.n_keys = group->n_keys,
	};
}

static int compare_groups(const void *left, const void *right, void *groups)
{
	const struct v2m_slot_group *a =
		(const struct v2m_slot_group *)groups + *(const size_t *)left;
	const struct v2m_slot_group *b =
		(const struct v2m_slot_group *)groups + *(const size_t *)right;

	return (int)a->first_port - (int)b->first_port;
}

/* The indices of the groups, ordered by first port. No two groups of a layer have the same one.
 * NULL: out of memory. */
static size_t *order_groups(const struct v2m_slot_layer *layer)
{
	size_t *order = calloc(layer->n_groups + 1, sizeof(*order));

	for (size_t i = 0; order && i < layer->n_groups; i++)
		order[i] = i;
	if (order)
		qsort_r(order, layer->n_groups, sizeof(*order), compare_groups, layer->groups);
	return order;
}

/* Makes the slots of both layers. A group of TCP and one of UDP with the same ports and owners
 * become one slot. 0 or -ENOMEM. */
static int join_layers(struct v2m_slot_layer *tcp, struct v2m_slot_layer *udp,
		       struct v2m_slots *slots)
{
	V2M_FREE size_t *tcp_order = order_groups(tcp);
	V2M_FREE size_t *udp_order = order_groups(udp);
	V2M_FREE size_t *tcp_slots = calloc(tcp->n_groups + 1, sizeof(size_t));
	V2M_FREE size_t *udp_slots = calloc(udp->n_groups + 1, sizeof(size_t));
	size_t t = 0;
	size_t u = 0;

	if (!tcp_order || !udp_order || !tcp_slots || !udp_slots)
		return -ENOMEM;
	while (t < tcp->n_groups || u < udp->n_groups) {
		const struct v2m_slot_group *a =
			t < tcp->n_groups ? &tcp->groups[tcp_order[t]] : NULL;
		const struct v2m_slot_group *b =
			u < udp->n_groups ? &udp->groups[udp_order[u]] : NULL;
		bool both = a && b && a->first_port == b->first_port &&
			    same_ports_and_owners(tcp, a, udp, b);
		bool take_tcp = a && (!b || a->first_port <= b->first_port);

		if (take_tcp)
			tcp_slots[tcp_order[t++]] = slots->count;
		if (both || !take_tcp)
			udp_slots[udp_order[u++]] = slots->count;
		add_slot(slots, take_tcp ? tcp : udp, take_tcp ? a : b,
			 (take_tcp ? V2M_TCP : 0u) | (both || !take_tcp ? V2M_UDP : 0u));
	}
	for (size_t i = 0; i < tcp->n_runs; i++)
		tcp->runs[i].slot = tcp_slots[tcp->runs[i].slot];
	for (size_t i = 0; i < udp->n_runs; i++)
		udp->runs[i].slot = udp_slots[udp->runs[i].slot];
	return 0;
}

/* The first key of the slot. The slots of orphans come after those of all keys. */
static size_t first_key(const struct v2m_slot *slot)
{
	return slot->n_keys ? slot->keys[0] : V2M_NO_KEY;
}

/* Orders slots by importance: single ports first, then by their first keys. */
static int compare_importance(const void *left, const void *right, void *items)
{
	const struct v2m_slot *a = (const struct v2m_slot *)items + *(const size_t *)left;
	const struct v2m_slot *b = (const struct v2m_slot *)items + *(const size_t *)right;
	bool a_is_range = a->first_port != a->last_port;
	bool b_is_range = b->first_port != b->last_port;

	if (a_is_range != b_is_range)
		return a_is_range - b_is_range;
	if (first_key(a) != first_key(b))
		return first_key(a) < first_key(b) ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Refuses the least important slots beyond V2M_MAX_SLOTS. 0 or -ENOMEM. */
static int refuse_slots(struct v2m_slots *slots)
{
	V2M_FREE size_t *order = NULL;

	if (slots->count <= V2M_MAX_SLOTS)
		return 0;
	order = calloc(slots->count, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < slots->count; i++)
		order[i] = i;
	qsort_r(order, slots->count, sizeof(*order), compare_importance, slots->items);
	for (size_t i = V2M_MAX_SLOTS; i < slots->count; i++)
		slots->items[order[i]].refused = true;
	slots->n_refused = slots->count - V2M_MAX_SLOTS;
	return 0;
}

int v2m_slots_make(const struct v2m_key_span *spans, size_t n_spans, struct v2m_slots *slots)
{
	V2M_CLEANUP(v2m_slots_clear) struct v2m_slots made = { 0 };
	V2M_CLEANUP(v2m_slot_layer_clear) struct v2m_slot_layer tcp = { 0 };
	V2M_CLEANUP(v2m_slot_layer_clear) struct v2m_slot_layer udp = { 0 };
	int result = v2m_slot_layer_make(&tcp, V2M_TCP, spans, n_spans);

	if (!result)
		result = v2m_slot_layer_make(&udp, V2M_UDP, spans, n_spans);
	if (result)
		return result;
	made.items = calloc(tcp.n_groups + udp.n_groups + 1, sizeof(*made.items));
	made.keys = calloc(tcp.n_keys + udp.n_keys + 1, sizeof(*made.keys));
	if (!made.items || !made.keys)
		return -ENOMEM;
	result = join_layers(&tcp, &udp, &made);
	if (!result)
		result = refuse_slots(&made);
	if (result)
		return result;
	made.runs[0] = V2M_TAKE(tcp.runs);
	made.runs[1] = V2M_TAKE(udp.runs);
	made.n_runs[0] = tcp.n_runs;
	made.n_runs[1] = udp.n_runs;
	*slots = made;
	made = (struct v2m_slots){ 0 };
	return 0;
}

/* Compares a port with a run of ports. */
static int compare_port_with_run(const void *port, const void *element)
{
	const struct v2m_slot_run *run = element;
	uint16_t wanted = *(const uint16_t *)port;

	return wanted < run->first_port ? -1 : wanted > run->last_port;
}

const struct v2m_slot *v2m_slots_at(const struct v2m_slots *slots, uint16_t port,
				    enum v2m_transport transport)
{
	int layer = transport == V2M_UDP;
	const struct v2m_slot_run *run =
		slots->n_runs[layer] ? bsearch(&port, slots->runs[layer], slots->n_runs[layer],
					       sizeof(*run), compare_port_with_run)
				     : NULL;

	return run ? &slots->items[run->slot] : NULL;
}

uint32_t v2m_slot_number(const struct v2m_slot *slot)
{
	return slot->first_port + (slot->transports & V2M_TCP ? 0 : PORTS);
}
