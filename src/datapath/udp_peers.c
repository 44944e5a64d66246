// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/udp_peers.h"

/* Whom the monitored ports have sent datagrams to. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"
#include "base/cleanup.h"

/* More than any bucket of the map holds, or the kernel gives nothing (ENOSPC). */
#define CHUNK 4096

struct chunk {
	struct v2m_udp_peer keys[CHUNK];
	struct v2m_udp_seen seen[CHUNK];
};

static void take_chunk(const struct chunk *chunk, uint32_t count, uint64_t since_ns,
		       struct v2m_peer *peers, size_t *n_peers)
{
	for (uint32_t i = 0; i < count && *n_peers < V2M_MAX_UDP_PEERS; i++) {
		struct v2m_peer *peer = &peers[*n_peers];

		if (chunk->seen[i].at_ns < since_ns)
			continue;
		peer->port = chunk->keys[i].port;
		peer->remote_port = chunk->keys[i].remote_port;
		memcpy(peer->address, chunk->keys[i].address, sizeof(peer->address));
		peer->seen_ns = chunk->seen[i].at_ns;
		(*n_peers)++;
	}
}

/* By port, and of a port the latest first. */
static int compare(const void *left, const void *right)
{
	const struct v2m_peer *a = left;
	const struct v2m_peer *b = right;

	if (a->port != b->port)
		return (int)a->port - (int)b->port;
	return a->seen_ns > b->seen_ns ? -1 : a->seen_ns < b->seen_ns;
}

int v2m_datapath_udp_peers(struct v2m_datapath *datapath, uint64_t since_ns,
			   struct v2m_peer **peers, size_t *n_peers)
{
	V2M_FREE struct v2m_peer *found = calloc(V2M_MAX_UDP_PEERS, sizeof(*found));
	V2M_FREE struct chunk *chunk = malloc(sizeof(*chunk));
	uint32_t *before = NULL;
	uint32_t cursor;
	size_t n = 0;
	int result = 0;

	if (!found || !chunk)
		return -ENOMEM;
	while (!result) {
		uint32_t count = CHUNK;

		result = bpf_map_lookup_batch(datapath->maps[V2M_MAP_UDP_PEERS], before, &cursor,
					      chunk->keys, chunk->seen, &count, NULL);
		if (!result || result == -ENOENT)
			take_chunk(chunk, count, since_ns, found, &n);
		before = &cursor;
	}
	if (result != -ENOENT)
		return result;
	qsort(found, n, sizeof(*found), compare);
	*peers = V2M_TAKE(found);
	*n_peers = n;
	return 0;
}
