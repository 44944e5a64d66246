/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Notices UDP datagrams that this host itself sends to its own ports, from any kind of socket.
 * Their way is the loopback device, where a program at the kernel's tracepoint netif_rx notes the
 * port (bpf/local_udp.bpf.c). It needs the kernel's BTF, Linux 5.5, and CAP_BPF with CAP_PERFMON.
 * Nothing is pinned.
 */
#ifndef V2METER_SOCKETS_LOCAL_UDP_H
#define V2METER_SOCKETS_LOCAL_UDP_H

#include "base/connection.h"
#include "base/port_rule.h"

struct v2m_local_udp;

/* NULL: this kernel or the privileges do not allow it, and the log says so. */
struct v2m_local_udp *v2m_local_udp_open(void);
/* Does nothing on NULL. */
void v2m_local_udp_close(struct v2m_local_udp *udp);

/* Adds a flow for each UDP port of the rules that got datagrams since the last call. Only port and
 * protocol of the flow are set. Rules that count on the loopback device are left out. netns: the
 * inode number of the network namespace. The program runs from the first call with such a rule on,
 * until one without. 0 or -errno; -EOPNOTSUPP if udp is NULL. */
int v2m_local_udp_read(struct v2m_local_udp *udp, const struct v2m_port_rule *rules, size_t n_rules,
		       uint32_t netns, struct v2m_foreign_flows *flows);

#endif
