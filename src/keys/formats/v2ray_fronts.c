// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_fronts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/name_index.h"
#include "keys/formats/v2ray_dest.h"

#define PORTS 65536u

/* No inbound has more fronts in front of it than this, with those of its fronts. */
#define MAX_CHAIN 256

/* Comparisons of a destination with an inbound at its port. */
#define MAX_STEPS (16u << 20)

/* The state while fronts are found. */
struct search {
	const struct v2m_v2ray_inbounds *inbounds;
	struct v2m_v2ray_fronts *fronts;
	struct v2m_v2ray_dests dests;
	struct v2m_name_index sockets; /* the inbound that listens on a unix socket */
	uint32_t *first;               /* by port: place of a destination, and 1; 0: none */
	uint32_t *next;                /* by destination: one with the same port */
	uint16_t *wanted;              /* the ports of destinations, ascending */
	size_t n_wanted;
	size_t n_steps;
};

void v2m_v2ray_fronts_clear(struct v2m_v2ray_fronts *fronts)
{
	for (size_t i = 0; i < fronts->n_reaches; i++)
		v2m_array_clear(&fronts->reaches[i].runs);
	free(fronts->reaches);
	v2m_array_clear(fronts);
	*fronts = (struct v2m_v2ray_fronts){ 0 };
}

/* A mistake in the port is reported where the keys of the inbound are read. */
static int find_reach(const struct v2m_v2ray_inbound *inbound, struct v2m_v2ray_reach *reach)
{
	char why[V2M_V2RAY_WHY_LEN];

	reach->listens = v2m_v2ray_listens(&inbound->node, &reach->address);
	reach->transports = v2m_v2ray_transports(&inbound->node);
	reach->unlisted =
		reach->listens != V2M_LISTEN_ANY || !v2m_v2ray_lists_clients(&inbound->node);
	if (reach->listens == V2M_LISTEN_UNIX)
		return 0;
	reach->ports_result = v2m_v2ray_ports(&inbound->port, &reach->runs, why, NULL);
	if (reach->ports_result)
		reach->runs.count = 0;
	return reach->ports_result == -ENOMEM ? -ENOMEM : 0;
}

static int find_reaches(struct search *search)
{
	struct v2m_v2ray_fronts *fronts = search->fronts;
	size_t count = search->inbounds->count;

	fronts->reaches = calloc(count + 1, sizeof(*fronts->reaches));
	if (!fronts->reaches)
		return -ENOMEM;
	for (fronts->n_reaches = 0; fronts->n_reaches < count; fronts->n_reaches++)
		if (!search->inbounds->items[fronts->n_reaches].replaced &&
		    find_reach(&search->inbounds->items[fronts->n_reaches],
			       &fronts->reaches[fronts->n_reaches])) {
			fronts->n_reaches++;
			return -ENOMEM;
		}
	return 0;
}

static int find_dests(struct search *search)
{
	for (size_t i = 0; i < search->inbounds->count; i++) {
		const struct v2m_v2ray_inbound *inbound = &search->inbounds->items[i];

		if (!inbound->replaced && v2m_v2ray_dests_add(&search->dests, i, &inbound->node))
			return -ENOMEM;
	}
	for (size_t i = 0; i < search->dests.count; i++)
		if (search->dests.items[i].is_relay)
			search->fronts->reaches[search->dests.items[i].inbound].relays = true;
	return 0;
}

static int add_front(struct search *search, struct v2m_v2ray_dest *dest, size_t to)
{
	struct v2m_v2ray_reach *reach = &search->fronts->reaches[to];
	struct v2m_v2ray_front front = {
		.inbound = dest->inbound,
		.transports = V2M_TCP,
		.next = reach->first_front,
	};

	if (dest->is_relay)
		front.transports = search->fronts->reaches[dest->inbound].transports;
	if (dest->inbound == to || !(front.transports & reach->transports))
		return 0;
	if (search->fronts->count == V2M_V2RAY_MAX_FRONTS)
		return -EINVAL;
	dest->is_ours = true;
	search->fronts->reaches[dest->inbound].leads_on = true;
	if (v2m_array_add(search->fronts, front))
		return -ENOMEM;
	reach->first_front = search->fronts->count;
	return 0;
}

/* The socket without the mode that may stand behind it: "/run/x.sock,0666". */
static int index_socket(struct search *search, size_t inbound)
{
	const char *address = search->fronts->reaches[inbound].address;
	V2M_FREE char *path = strndup(address, strcspn(address, ","));

	return path ? v2m_name_index_set(&search->sockets, path, inbound) : -ENOMEM;
}

/* The destinations at one port of an inbound. */
static int match_port(struct search *search, size_t inbound, unsigned port)
{
	const struct v2m_v2ray_reach *reach = &search->fronts->reaches[inbound];
	int result = 0;

	for (uint32_t at = search->first[port]; at && !result; at = search->next[at - 1]) {
		struct v2m_v2ray_dest *dest = &search->dests.items[at - 1];

		if (++search->n_steps > MAX_STEPS)
			return -EINVAL;
		if (v2m_v2ray_dest_is_at(dest, reach->listens, reach->address))
			result = add_front(search, dest, inbound);
	}
	return result;
}

/* The place of the first destination port from that port on. */
static size_t first_wanted(const struct search *search, uint16_t port)
{
	size_t low = 0;
	size_t high = search->n_wanted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->wanted[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int match_ports(struct search *search, size_t inbound)
{
	const struct v2m_port_runs *runs = &search->fronts->reaches[inbound].runs;
	int result = 0;

	for (size_t i = 0; i < runs->count; i++)
		for (size_t k = first_wanted(search, runs->items[i].first);
		     k < search->n_wanted && search->wanted[k] <= runs->items[i].last && !result;
		     k++)
			result = match_port(search, inbound, search->wanted[k]);
	return result;
}

static int index_dests(struct search *search)
{
	search->first = calloc(PORTS, sizeof(*search->first));
	search->next = calloc(search->dests.count + 1, sizeof(*search->next));
	search->wanted = calloc(PORTS, sizeof(*search->wanted));
	if (!search->first || !search->next || !search->wanted)
		return -ENOMEM;
	for (size_t i = search->dests.count; i > 0; i--) {
		uint16_t port = search->dests.items[i - 1].port;

		search->next[i - 1] = search->first[port];
		search->first[port] = (uint32_t)i;
	}
	for (unsigned port = 1; port < PORTS; port++)
		if (search->first[port])
			search->wanted[search->n_wanted++] = (uint16_t)port;
	return 0;
}

static int match_sockets(struct search *search)
{
	int result = 0;

	for (size_t i = 0; i < search->dests.count && !result; i++) {
		struct v2m_v2ray_dest *dest = &search->dests.items[i];
		size_t inbound;

		if (dest->socket && v2m_name_index_find(&search->sockets, dest->socket, &inbound))
			result = add_front(search, dest, inbound);
	}
	return result;
}

/* Visitors of a fallback that is not ours use the port too. */
static void note_exits(struct search *search)
{
	for (size_t i = 0; i < search->dests.count; i++) {
		const struct v2m_v2ray_dest *dest = &search->dests.items[i];

		if (dest->is_fallback && !dest->is_ours)
			search->fronts->reaches[dest->inbound].leads_out = true;
	}
}

static int find_fronts(struct search *search)
{
	int result = find_reaches(search);

	if (!result)
		result = find_dests(search);
	if (result || !search->dests.count)
		return result;
	result = index_dests(search);
	for (size_t i = 0; i < search->inbounds->count && !result; i++) {
		if (search->fronts->reaches[i].runs.count)
			result = match_ports(search, i);
		else if (search->fronts->reaches[i].listens == V2M_LISTEN_UNIX)
			result = index_socket(search, i);
	}
	if (!result)
		result = match_sockets(search);
	note_exits(search);
	return result;
}

int v2m_v2ray_fronts_find(const struct v2m_v2ray_inbounds *inbounds,
			  struct v2m_v2ray_fronts *fronts, struct v2m_error *error)
{
	struct search search = { .inbounds = inbounds, .fronts = fronts };
	int result = find_fronts(&search);

	v2m_v2ray_dests_clear(&search.dests);
	v2m_name_index_clear(&search.sockets);
	free(search.first);
	free(search.next);
	free(search.wanted);
	if (result == -EINVAL)
		return v2m_json_fail(&inbounds->items[0].list, error,
				     "expected at most %u fallbacks and relays to inbounds",
				     V2M_V2RAY_MAX_FRONTS);
	return result ? v2m_error_set(error, result, "out of memory") : 0;
}

static int add_runs(const struct v2m_v2ray_reach *reach, unsigned transports,
		    struct v2m_v2ray_spans *spans)
{
	for (size_t i = 0; i < reach->runs.count; i++)
		if (v2m_array_add(spans, (struct v2m_span){
						 .first_port = reach->runs.items[i].first,
						 .last_port = reach->runs.items[i].last,
						 .transports = transports,
						 .loopback = reach->listens == V2M_LISTEN_LOOPBACK,
						 .visited = reach->leads_out,
						 /* The inbound behind sees another address. */
						 .unlisted = true,
					 }))
			return -ENOMEM;
	return 0;
}

/* An inbound on the way, with the transports by which it leads to the one that was asked for. */
struct step {
	size_t inbound;
	unsigned transports;
};

static bool is_on_way(const struct step *way, size_t n, size_t inbound)
{
	while (n > 0)
		if (way[--n].inbound == inbound)
			return true;
	return false;
}

int v2m_v2ray_entrances(const struct v2m_v2ray_fronts *fronts, size_t inbound,
			struct v2m_v2ray_spans *spans)
{
	struct step way[MAX_CHAIN] = { { inbound, fronts->reaches[inbound].transports } };
	size_t n = 1;

	for (size_t i = 0; i < n; i++) {
		size_t at = fronts->reaches[way[i].inbound].first_front;

		for (; at && n < MAX_CHAIN; at = fronts->items[at - 1].next) {
			const struct v2m_v2ray_front *front = &fronts->items[at - 1];
			const struct v2m_v2ray_reach *reach = &fronts->reaches[front->inbound];
			unsigned transports = way[i].transports & front->transports;

			if (!transports || is_on_way(way, n, front->inbound))
				continue;
			way[n++] = (struct step){ front->inbound, transports };
			/* Behind another one itself, it is counted there. */
			if (reach->first_front && reach->listens != V2M_LISTEN_ANY)
				continue;
			if (add_runs(reach, transports, spans))
				return -ENOMEM;
		}
	}
	return 0;
}
