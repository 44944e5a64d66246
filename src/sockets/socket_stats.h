/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The byte source without kernel programs: counters of ports from the kernel's counters of each
 * socket. All sockets are dumped for each sample. The kernel also announces each destroyed socket
 * with its final figures (SKNLGRP_INET_TCP_DESTROY, Linux 4.3), so bytes between two samples are
 * not lost with a connection. Neither needs a privilege. UDP is not counted.
 */
#ifndef V2METER_SOCKETS_SOCKET_STATS_H
#define V2METER_SOCKETS_SOCKET_STATS_H

#include "base/port_rule.h"
#include "base/sample.h"
#include "base/error.h"

struct v2m_socket_stats;

/* 0; -ENOENT, -EPROTONOSUPPORT, -EPERM and the like if sockets cannot be dumped. */
int v2m_socket_stats_open(struct v2m_socket_stats **stats, struct v2m_error *error);
/* Does nothing on NULL. */
void v2m_socket_stats_close(struct v2m_socket_stats *stats);

/* As v2m_datapath_set_ports(). Rules without TCP count nothing and are in no sample. */
int v2m_socket_stats_set_ports(struct v2m_socket_stats *stats, const struct v2m_port_rule *rules,
			       size_t count, struct v2m_error *error);

/* As v2m_datapath_read(), with mode V2M_MODE_SOCKET_STATS and no devices. The counters start at 0
 * with v2m_socket_stats_open(); sockets/socket_counts.h says what is missing in them. 0 or -errno.
 */
int v2m_socket_stats_read(struct v2m_socket_stats *stats, struct v2m_sample *sample,
			  struct v2m_error *error);

/* The descriptor becomes readable when sockets were destroyed. -1: the kernel announces none. */
int v2m_socket_stats_event_fd(const struct v2m_socket_stats *stats);
/* Counts the announced sockets now, before the kernel's queue is full. They are in the next sample.
 * 0 or -errno. */
int v2m_socket_stats_drain(struct v2m_socket_stats *stats);

#endif
