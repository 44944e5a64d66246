/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the ports at which servers of this host listen. */
#ifndef V2METER_SOCKETS_LISTENERS_H
#define V2METER_SOCKETS_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/transport.h"

/* A bit for each port number. */
struct v2m_ports_of_family {
	uint8_t ipv4[65536 / 8]; /* by a socket of IPv4 */
	uint8_t ipv6[65536 / 8]; /* by one of IPv6, which may serve IPv4 too */
};
struct v2m_listeners {
	struct v2m_ports_of_family tcp; /* a socket in the state LISTEN */
	struct v2m_ports_of_family udp; /* a bound socket without a peer */
};

/* Reads the sockets of the calling thread's network namespace, by sock_diag or else from /proc. 0
 * or -errno. */
int v2m_listeners_read(struct v2m_listeners *listeners, struct v2m_error *error);
/* Whether a server listens at the port, by IPv4 or by IPv6. transport: V2M_TCP or V2M_UDP. */
bool v2m_listeners_has(const struct v2m_listeners *listeners, uint16_t port,
		       enum v2m_transport transport);
/* The same, by IPv6. */
bool v2m_listeners_has_ipv6(const struct v2m_listeners *listeners, uint16_t port,
			    enum v2m_transport transport);

#endif
