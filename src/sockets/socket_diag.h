/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections from the kernel by sock_diag. */
#ifndef V2METER_SOCKETS_SOCKET_DIAG_H
#define V2METER_SOCKETS_SOCKET_DIAG_H

#include <stdbool.h>

#include "netlink/netlink.h"
#include "sockets/socket_dump.h"

struct v2m_socket_diag {
	struct v2m_netlink netlink;
	int name_fd;     /* reads device names in the network namespace of netlink */
	unsigned states; /* to dump: bits of enum v2m_tcp_state; first V2M_DUMP_STATES */
	bool details;    /* TCP_INFO too */
};

/* 0; -ENOENT or -EPROTONOSUPPORT if the kernel has no tcp_diag; another -errno. */
int v2m_socket_diag_open(struct v2m_socket_diag *diag);
void v2m_socket_diag_close(struct v2m_socket_diag *diag);

/* Adds the connections of both families to the dump. 0 or -errno. */
int v2m_socket_diag_dump(struct v2m_socket_diag *diag, struct v2m_socket_dump *dump);

/* Fills in the connection of an inet_diag message, with details if the message has them, and
 * without the device. 0 or -EBADMSG. */
int v2m_socket_diag_describe(const struct nlmsghdr *message, struct v2m_connection *connection);

#endif
