/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the ports at which servers of this host listen. */
#ifndef V2METER_SOCKETS_LISTENERS_H
#define V2METER_SOCKETS_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/transport.h"

/* A bit for each port number. */
struct v2m_listeners {
	uint8_t tcp[65536 / 8]; /* a socket in the state LISTEN */
	uint8_t udp[65536 / 8]; /* a bound socket without a peer */
};

/* Reads the sockets of the calling thread's network namespace, by sock_diag or else from /proc. 0
 * or -errno. */
int v2m_listeners_read(struct v2m_listeners *listeners, struct v2m_error *error);
/* Whether a server listens at the port. transport: V2M_TCP or V2M_UDP. */
bool v2m_listeners_has(const struct v2m_listeners *listeners, uint16_t port,
		       enum v2m_transport transport);

#endif
