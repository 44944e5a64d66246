/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports' counters made of the counters that the kernel keeps for each TCP socket, for where the
 * kernel programs cannot be had. Pure: whoever reads the kernel passes in what it said.
 *
 * A connection that is open when its port is first looked at counts from then on; one that opens
 * later counts whole; one that closes is brought to its final figures where the kernel tells them.
 * Payload is the sockets' own figure (received in order; sent, what was sent again included). Wire
 * bytes are payload and a header for every segment that the socket counts: Ethernet's 14 bytes, IP
 * without options, TCP's 20 and 12 more with time stamps. What no socket counts is not there:
 * refused and forged connections, the rest of a closed connection's TIME_WAIT, IP options,
 * selective acknowledgements, payload that arrived twice, UDP.
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
	uint16_t port;
	bool loopback; /* counts the connections over loopback alone, else all others */
};

/* Counts exactly these ports (ascending, unique) from the next dump on. A port that stays keeps its
 * counter; one that leaves is in the next sample a last time. assigned_ns names the counters of new
 * ports, as in struct v2m_port_sample. 0 or -ENOMEM, and nothing has changed. */
int v2m_socket_counts_set_ports(struct v2m_socket_counts *counts,
				const struct v2m_socket_port *ports, size_t n_ports,
				uint64_t assigned_ns);

/* One reading: every connection of a dump (all states in which a socket has counters), then those
 * that have closed, which may be some that no dump has shown, then the end. mono_ns is the
 * reading's. 0 or -ENOMEM: what was not taken is taken with the next reading. */
int v2m_socket_counts_open(struct v2m_socket_counts *counts,
			   const struct v2m_connection *connection, uint64_t mono_ns);
int v2m_socket_counts_closed(struct v2m_socket_counts *counts,
			     const struct v2m_connection *connection);
void v2m_socket_counts_end(struct v2m_socket_counts *counts, uint64_t mono_ns);

/* Fills in the ports of an empty sample. 0 or -ENOMEM. */
int v2m_socket_counts_sample(struct v2m_socket_counts *counts, struct v2m_sample *sample);

#endif
