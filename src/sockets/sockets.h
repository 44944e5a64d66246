/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TCP connections of the monitored ports, by sock_diag or else from /proc. */
#ifndef V2METER_SOCKETS_SOCKETS_H
#define V2METER_SOCKETS_SOCKETS_H

#include <stdbool.h>

#include "base/connection.h"
#include "base/error.h"
#include "base/port_rule.h"

struct v2m_sockets;

/* If the kernel has no sock_diag or tcp_diag, /proc/net/tcp and tcp6 are read instead, with a
 * warning: this is slower, and devices and details are missing. 0, or -errno if neither can be
 * read. */
int v2m_sockets_open(struct v2m_sockets **sockets, struct v2m_error *error);
void v2m_sockets_close(struct v2m_sockets *sockets);

/* Whether dumps have the details of each connection (TCP_INFO) and the sums over closing
 * connections. With details a dump takes half as much time again. 0, or -EOPNOTSUPP if they are
 * wanted and connections come from /proc. */
int v2m_sockets_want_details(struct v2m_sockets *sockets, bool wanted);

/* Dumps the TCP connections of both address families whose local port is in one of the rules (if in
 * several, the first rule counts) and whose state is ESTABLISHED, CLOSE_WAIT or LAST_ACK. 0 or
 * -errno; the caller owns one reference to the table. */
int v2m_sockets_dump(struct v2m_sockets *sockets, const struct v2m_port_rule *rules, size_t n_rules,
		     struct v2m_connection_table **table, struct v2m_error *error);

#endif
