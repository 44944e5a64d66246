/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets by /proc/net/tcp and tcp6, where netlink does not tell; for src/kernel alone. */
#ifndef V2METER_SOCKETS_PROC_TCP_H
#define V2METER_SOCKETS_PROC_TCP_H

#include <stdbool.h>

#include "sockets/socket_dump.h"

/* Whether the files can be read. */
bool v2m_proc_tcp_exists(void);

/* Fills in the sockets of both families. 0 or -errno. */
int v2m_proc_tcp_dump(struct v2m_socket_dump *dump);

#endif
