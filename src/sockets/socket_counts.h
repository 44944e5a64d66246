/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters of ports, made of the counters that the kernel keeps for each TCP socket. They stand in
 * if the kernel programs cannot be loaded. Pure: the caller asks the kernel and passes in the
 * connections.
 *
 * A connection that is open when its port is first looked at counts from then on. A connection that
 * opens later counts in full. A connection that closes counts up to its final figures, if the
 * kernel announces them.
 *
 * Payload is the socket's own figure: received in order; sent, retransmissions included. Wire bytes
 * are the payload and a header for each segment that the socket counts: Ethernet's 14 bytes, IP
 * without options, TCP's 20 bytes, and 12 more with time stamps. No socket counts these, so they
 * are missing: refused and forged connections, segments after a connection's end (TIME_WAIT), IP
 * options, selective acknowledgements, payload that arrived twice, UDP.
 */
#ifndef V2METER_SOCKETS_SOCKET_COUNTS_H
#define V2METER_SOCKETS_SOCKET_COUNTS_H

#include "base/connection.h"
#include "base/sample.h"

struct v2m_socket_counts;

/* NULL: out of memory. */
struct v2m_socket_counts *v2m_socket_counts_new(void);
/* Does nothing on NULL. */
void v2m_socket_counts_free(struct v2m_socket_counts *counts);

struct v2m_socket_port {
	uint16_t port; /* the first port of the slot, which is the slot_port of its connections */
	uint16_t last_port;
	bool loopback; /* counts connections over loopback and no others; else all others */
};

/* Counts exactly these ports (ascending, unique) from the next pass on. A port that stays keeps its
 * counter. A port that leaves is in the next sample for the last time. assigned_ns identifies the
 * counters of new ports, as in struct v2m_port_sample. 0, or -ENOMEM with nothing changed. */
int v2m_socket_counts_set_ports(struct v2m_socket_counts *counts,
				const struct v2m_socket_port *ports, size_t n_ports,
				uint64_t assigned_ns);

/* One pass over the sockets: first each connection of a dump of all states in which a socket has
 * counters, then each connection that has closed, which no dump may have shown, then the end.
 * mono_ns is the time of the pass. 0, or -ENOMEM: the next pass counts what this one left out. */
int v2m_socket_counts_add_open(struct v2m_socket_counts *counts,
			       const struct v2m_connection *connection, uint64_t mono_ns);
void v2m_socket_counts_add_closed(struct v2m_socket_counts *counts,
				  const struct v2m_connection *connection);
void v2m_socket_counts_end_pass(struct v2m_socket_counts *counts, uint64_t mono_ns);

/* Fills in the ports of an empty sample. 0 or -ENOMEM. */
int v2m_socket_counts_sample(struct v2m_socket_counts *counts, struct v2m_sample *sample);

#endif
