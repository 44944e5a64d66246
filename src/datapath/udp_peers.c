// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/udp_peers.h"

/* The peers to which the monitored ports have sent datagrams. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"
#include "datapath/counters.h"
#include "base/cleanup.h"

/* Must be more than any bucket of the map holds, otherwise the kernel answers ENOSPC. */
#define CHUNK 4096

struct chunk {
	struct v2m_udp_peer keys[CHUNK];
	struct v2m_udp_seen seen[CHUNK];
};

static void take_chunk(const struct v2m_datapath *datapath, const struct chunk *chunk,
		       uint32_t count, uint64_t since_ns, const struct v2m_port_element *elements,
		       struct v2m_peer *peers, size_t *n_peers)
{
	for (uint32_t i = 0; i < count && *n_peers < V2M_MAX_UDP_PEERS; i++) {
		struct v2m_peer *peer = &peers[*n_peers];
		struct v2m_port_slot place = v2m_port_element_get(&elements[chunk->keys[i].port]);

		if (chunk->seen[i].at_ns < since_ns || !place.udp.counted)
			continue;
		peer->slot_port = datapath->slots[place.udp.slot].first_port;
		peer->port = chunk->keys[i].port;
		peer->remote_port = chunk->keys[i].remote_port;
		memcpy(peer->address, chunk->keys[i].address, sizeof(peer->address));
		peer->seen_ns = chunk->seen[i].at_ns;
		(*n_peers)++;
	}
}

/* Orders peers by slot, and the latest of each slot first. */
static int compare(const void *left, const void *right)
{
	const struct v2m_peer *a = left;
	const struct v2m_peer *b = right;

	if (a->slot_port != b->slot_port)
		return (int)a->slot_port - (int)b->slot_port;
	return a->seen_ns > b->seen_ns ? -1 : a->seen_ns < b->seen_ns;
}

/* 0 or -errno. */
static int read_peers(const struct v2m_datapath *datapath, uint64_t since_ns,
		      const struct v2m_port_element *elements, struct v2m_peer *found, size_t *n)
{
	V2M_FREE struct chunk *chunk = malloc(sizeof(*chunk));
	uint32_t *before = NULL;
	uint32_t cursor;
	int result = chunk ? 0 : -ENOMEM;

	while (!result) {
		uint32_t count = CHUNK;

		result = bpf_map_lookup_batch(datapath->maps[V2M_MAP_UDP_PEERS], before, &cursor,
					      chunk->keys, chunk->seen, &count, NULL);
		if (!result || result == -ENOENT)
			take_chunk(datapath, chunk, count, since_ns, elements, found, n);
		before = &cursor;
	}
	return result == -ENOENT ? 0 : result;
}

int v2m_datapath_udp_peers(struct v2m_datapath *datapath, uint64_t since_ns,
			   struct v2m_peer **peers, size_t *n_peers)
{
	V2M_FREE struct v2m_peer *found = calloc(V2M_MAX_UDP_PEERS, sizeof(*found));
	struct v2m_port_element *elements;
	size_t n = 0;
	int result;

	if (!found)
		return -ENOMEM;
	elements = v2m_port_elements_map(datapath);
	if (!elements)
		return -errno;
	result = read_peers(datapath, since_ns, elements, found, &n);
	v2m_port_elements_unmap(elements);
	if (result)
		return result;
	qsort(found, n, sizeof(*found), compare);
	*peers = V2M_TAKE(found);
	*n_peers = n;
	return 0;
}
