/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells whether a socket that has a published port is another server, or only looks like one. */
#ifndef V2METER_PATHS_PORT_HOLDER_H
#define V2METER_PATHS_PORT_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the sockets that have the port by the transports (enum v2m_transport bits) may be of
 * another server. They are not if they are of docker's own proxy: docker starts one for each
 * published port, for what no NAT rule sends to the container. A UDP socket with a port that the
 * kernel gives out is a client's, such as a proxy's own. proc: "/proc". true if nothing can be
 * read. */
bool v2m_port_holder_serves(const char *proc, uint16_t port, unsigned transports);

#endif
