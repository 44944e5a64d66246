/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets by sock_diag; for src/kernel alone. */
#ifndef V2METER_SOCKETS_SOCKET_DIAG_H
#define V2METER_SOCKETS_SOCKET_DIAG_H

#include <stdbool.h>

#include "netlink/netlink.h"
#include "sockets/socket_dump.h"

struct v2m_socket_diag {
	struct v2m_netlink netlink;
	int name_fd;     /* asks for device names in the network namespace of netlink */
	unsigned states; /* bits of enum v2m_tcp_state to dump; V2M_DUMP_STATES */
	bool details;
};

/* 0; -ENOENT or -EPROTONOSUPPORT where the kernel has no tcp_diag; another -errno. */
int v2m_socket_diag_open(struct v2m_socket_diag *diag);
void v2m_socket_diag_close(struct v2m_socket_diag *diag);

/* Fills in the sockets of both families. 0 or -errno. */
int v2m_socket_diag_dump(struct v2m_socket_diag *diag, struct v2m_socket_dump *dump);

/* Describes the socket of an inet_diag message, all but its device, with what details are there. 0
 * or -EBADMSG. */
int v2m_socket_diag_describe(const struct nlmsghdr *message, struct v2m_connection *connection);

#endif
