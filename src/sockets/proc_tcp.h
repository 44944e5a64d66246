/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections from /proc/net/tcp and tcp6, in place of sock_diag. */
#ifndef V2METER_SOCKETS_PROC_TCP_H
#define V2METER_SOCKETS_PROC_TCP_H

#include <stdbool.h>

#include "sockets/socket_dump.h"

/* Whether the files can be read. */
bool v2m_proc_tcp_exists(void);

/* Adds the connections of both families to the dump. 0 or -errno. */
int v2m_proc_tcp_dump(struct v2m_socket_dump *dump);

#endif
