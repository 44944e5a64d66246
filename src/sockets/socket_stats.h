/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports' counters from the kernel's per-socket counters, where the programs of datapath.h cannot be
 * had: sockets are dumped at every reading, and the kernel tells of each one that is destroyed what
 * it stood at in the end (SKNLGRP_INET_TCP_DESTROY, Linux 4.3), so that what a connection carries
 * between two readings is not lost with it. No privilege is needed for either. UDP is not counted.
 */
#ifndef V2METER_SOCKETS_SOCKET_STATS_H
#define V2METER_SOCKETS_SOCKET_STATS_H

#include "base/port_rule.h"
#include "base/sample.h"
#include "base/error.h"

struct v2m_socket_stats;

/* 0; -ENOENT, -EPROTONOSUPPORT, -EPERM and the like where sockets cannot be dumped. */
int v2m_socket_stats_open(struct v2m_socket_stats **stats, struct v2m_error *error);
/* Does nothing on NULL. */
void v2m_socket_stats_close(struct v2m_socket_stats *stats);

/* As v2m_datapath_set_ports(); rules without TCP count nothing, and have no sample. */
int v2m_socket_stats_set_ports(struct v2m_socket_stats *stats, const struct v2m_port_rule *rules,
			       size_t count, struct v2m_error *error);

/* As v2m_datapath_read(): mode V2M_MODE_SOCKET_STATS and no devices. The counters begin at 0 with
 * v2m_socket_stats_open(), see there what is not in them. 0 or -errno. */
int v2m_socket_stats_read(struct v2m_socket_stats *stats, struct v2m_sample *sample,
			  struct v2m_error *error);

/* To be polled: readable when sockets have been destroyed; -1 where the kernel tells nobody. */
int v2m_socket_stats_event_fd(const struct v2m_socket_stats *stats);
/* Takes what was told of them, before it is more than the kernel keeps: they are in the next
 * reading. 0 or -errno. */
int v2m_socket_stats_drain(struct v2m_socket_stats *stats);

#endif
