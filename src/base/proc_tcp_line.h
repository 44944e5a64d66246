/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of /proc/net/tcp and tcp6: tcp4_seq_show() and tcp6_seq_show() in the kernel's net/ write
 * them. */
#ifndef V2METER_BASE_PROC_TCP_LINE_H
#define V2METER_BASE_PROC_TCP_LINE_H

#include <stdint.h>

#include "base/connection.h"

/* Reads family, state, addresses and ports of a socket in any state. 0; -EINVAL if the line is not
 * a socket, as the heading is not. *connection is unchanged then. */
int v2m_proc_tcp_parse(const char *line, struct v2m_connection *connection);

/* Reads the socket's inode, which /proc/PID/fd names too. 0 or -EINVAL. */
int v2m_proc_tcp_inode(const char *line, uint64_t *inode);

#endif
