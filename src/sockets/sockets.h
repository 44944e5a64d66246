/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP connections, from the kernel by sock_diag over netlink, or else from /proc. */
#ifndef V2METER_SOCKETS_SOCKETS_H
#define V2METER_SOCKETS_SOCKETS_H

#include <stdbool.h>

#include "base/connection.h"
#include "base/error.h"

struct v2m_sockets;

/* Where the kernel has no sock_diag or tcp_diag, /proc/net/tcp and tcp6 are read instead, with a
 * warning: that is slower, knows no device and no details. 0, or -errno where neither is there. */
int v2m_sockets_open(struct v2m_sockets **sockets, struct v2m_error *error);
void v2m_sockets_close(struct v2m_sockets *sockets);

/* Whether dumps bring the details of each connection (TCP_INFO), for half as much time again, and
 * the sums of those that are closing. 0, or -EOPNOTSUPP where they are wanted and the kernel cannot
 * give them. */
int v2m_sockets_want_details(struct v2m_sockets *sockets, bool wanted);

/* Dumps the TCP sockets, both address families, whose local port is one of ports (ascending) and
 * whose state is ESTABLISHED, CLOSE_WAIT or LAST_ACK. A dump that the kernel marks as interrupted
 * is taken again. 0 or -errno; the caller gives the table's reference back. */
int v2m_sockets_dump(struct v2m_sockets *sockets, const uint16_t *ports, size_t n_ports,
		     struct v2m_connection_table **table, struct v2m_error *error);

#endif
