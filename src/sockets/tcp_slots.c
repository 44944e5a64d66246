// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/tcp_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/transport.h"

#define PORTS 65536

/* A rule and its index among all rules. */
struct ordered_rule {
	const struct v2m_port_rule *rule;
	size_t order;
};

static int compare_first_ports(const void *left, const void *right)
{
	const struct ordered_rule *a = left;
	const struct ordered_rule *b = right;

	return (int)a->rule->first_port - (int)b->rule->first_port;
}

/* Sorts the last rule to the front. */
static int compare_orders_descending(const void *left, const void *right)
{
	const struct ordered_rule *a = left;
	const struct ordered_rule *b = right;

	return a->order < b->order ? 1 : -1;
}

/* Fills in the slot of each port. The last rule is written first, and earlier rules overwrite it.
 */
static void fill_places(struct v2m_tcp_slots *slots, struct ordered_rule *rules,
			const size_t *place_of_order)
{
	qsort(rules, slots->count, sizeof(*rules), compare_orders_descending);
	for (size_t i = 0; i < slots->count; i++) {
		uint16_t place = (uint16_t)(place_of_order[rules[i].order] + 1);

		for (unsigned port = rules[i].rule->first_port; port <= rules[i].rule->last_port;
		     port++)
			slots->places[port] = place;
	}
}

/* Lists the runs of adjacent ports that are counted. */
static void find_ranges(struct v2m_tcp_slots *slots)
{
	for (unsigned port = 1; port < PORTS; port++) {
		if (!slots->places[port])
			continue;
		if (port > 1 && slots->places[port - 1])
			slots->ranges[slots->n_ranges - 1].high = (uint16_t)port;
		else
			slots->ranges[slots->n_ranges++] =
				(struct v2m_port_range){ (uint16_t)port, (uint16_t)port };
	}
}

int v2m_tcp_slots_make(const struct v2m_port_rule *rules, size_t n_rules,
		       struct v2m_tcp_slots *slots)
{
	V2M_CLEANUP(v2m_tcp_slots_clear) struct v2m_tcp_slots made = { 0 };
	V2M_FREE struct ordered_rule *tcp = calloc(n_rules + 1, sizeof(*tcp));
	V2M_FREE size_t *place_of_order = calloc(n_rules + 1, sizeof(*place_of_order));

	*slots = (struct v2m_tcp_slots){ 0 };
	made.places = calloc(PORTS, sizeof(*made.places));
	made.ports = calloc(n_rules + 1, sizeof(*made.ports));
	made.last = calloc(n_rules + 1, sizeof(*made.last));
	made.loopback = calloc(n_rules + 1, sizeof(*made.loopback));
	made.shared = calloc(n_rules + 1, sizeof(*made.shared));
	/* There are at most as many ranges as rules. */
	made.ranges = calloc(n_rules + 1, sizeof(*made.ranges));
	if (!tcp || !place_of_order || !made.places || !made.ports || !made.last ||
	    !made.loopback || !made.shared || !made.ranges)
		return -ENOMEM;
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].transports & V2M_TCP)
			tcp[made.count++] = (struct ordered_rule){ &rules[i], i };
	qsort(tcp, made.count, sizeof(*tcp), compare_first_ports);
	for (size_t i = 0; i < made.count; i++) {
		made.ports[i] = tcp[i].rule->first_port;
		made.last[i] = tcp[i].rule->last_port;
		made.loopback[i] = tcp[i].rule->loopback;
		made.shared[i] = tcp[i].rule->shared;
		place_of_order[tcp[i].order] = i;
	}
	fill_places(&made, tcp, place_of_order);
	find_ranges(&made);
	*slots = made;
	made = (struct v2m_tcp_slots){ 0 };
	return 0;
}

void v2m_tcp_slots_clear(struct v2m_tcp_slots *slots)
{
	free(slots->places);
	free(slots->ports);
	free(slots->last);
	free(slots->loopback);
	free(slots->shared);
	free(slots->ranges);
	memset(slots, 0, sizeof(*slots));
}
