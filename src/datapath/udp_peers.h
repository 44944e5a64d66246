/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_UDP_PEERS_H
#define V2METER_DATAPATH_UDP_PEERS_H

#include <stddef.h>

#include "base/connection.h"

struct v2m_datapath;

/* Whom the ports that are counted have sent datagrams to since since_ns (CLOCK_MONOTONIC, to 2.5
 * s), by port and of each the latest first, with the slot that the port belongs to now; at most
 * V2M_MAX_UDP_PEERS, of which the least recent are forgotten. The array is the caller's to free. 0
 * or -errno. */
int v2m_datapath_udp_peers(struct v2m_datapath *datapath, uint64_t since_ns,
			   struct v2m_peer **peers, size_t *n_peers);

#endif
