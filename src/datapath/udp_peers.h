/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_UDP_PEERS_H
#define V2METER_DATAPATH_UDP_PEERS_H

#include <stddef.h>

#include "base/connection.h"

struct v2m_datapath;

/* Lists the peers to which counted ports have sent datagrams since since_ns (CLOCK_MONOTONIC, exact
 * to 2.5 s). Each peer has the slot that its port belongs to now. The list is sorted by port, and
 * the latest peer of a port comes first. It has at most V2M_MAX_UDP_PEERS peers: the kernel forgets
 * the least recent ones. The caller frees the array. 0 or -errno. */
int v2m_datapath_udp_peers(struct v2m_datapath *datapath, uint64_t since_ns,
			   struct v2m_peer **peers, size_t *n_peers);

#endif
