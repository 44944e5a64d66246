/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads from connection tracking which published ports lead to which ports now, and which
 * connections only have a key's port number. */
#ifndef V2METER_PATHS_CONNTRACK_H
#define V2METER_PATHS_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/connection.h"

/* Connections or flows that arrived for an address of this host, and whose destination was changed.
 */
struct v2m_tracked {
	uint16_t port;       /* that clients send to */
	uint16_t target;     /* that answers */
	unsigned transports; /* V2M_TCP or V2M_UDP */
	uint8_t address[16]; /* that answers; IPv4 in the IPv4-mapped form */
};

struct v2m_tracked_list {
	struct v2m_tracked *items; /* ascending by transports, port, target, address; each once */
	size_t count;
	size_t capacity;
};

/* As many different ones are kept. */
#define V2M_TRACKED_MAX 65536

/* Adds those of the calling thread's network namespace to the list. *grew: some are new. Needs
 * CAP_NET_ADMIN. Does not load the modules of connection tracking. 0, also if the kernel tracks
 * nothing; or -errno with the list as it was. */
int v2m_conntrack_read(struct v2m_tracked_list *list, bool *grew);

/* Adds the connections and flows that began behind this host, and that it masquerades: those whose
 * source became an address of this host, with a wanted port. wanted: enum v2m_transport bits for
 * each port. The same thread, privileges and results. */
int v2m_conntrack_read_masqueraded(const uint8_t wanted[65536], struct v2m_foreign_flows *flows);
/* Adds UDP flows that pass the loopback device alone, from this host to a wanted port of its own:
 * those that have gone both ways for 2 s. The same thread, privileges and results. */
int v2m_conntrack_read_local_udp(const uint8_t wanted[65536], struct v2m_foreign_flows *flows);
void v2m_tracked_clear(struct v2m_tracked_list *list);

#endif
