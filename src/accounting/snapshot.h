/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that an answer of the API needs, at one moment. Immutable and shared by reference
 * count. The figures and timestamps of one answer come from one snapshot.
 */
#ifndef V2METER_ACCOUNTING_SNAPSHOT_H
#define V2METER_ACCOUNTING_SNAPSHOT_H

#include "accounting/totals.h"
#include "base/connection.h"
#include "base/sample.h"

struct v2m_keyset;

/* All TCP connections of a port since since_us: the final figures of those that have ended, and the
 * present ones of those that are open. Resets do not touch them. */
struct v2m_sessions_view {
	int64_t since_us; /* Unix microseconds; 0: nobody counts them */
	uint64_t opened;
	uint64_t closed;
	uint64_t rx_bytes; /* payload, as in struct v2m_connection */
	uint64_t tx_bytes;
};

/* One monitored port. v2m_keyset_port(keyset, port) tells which keys own it. */
struct v2m_port_view {
	uint16_t port;
	struct v2m_totals since_reset;
	struct v2m_totals lifetime; /* since it was first seen, or the last reset of its history */
	double rate_bytes_s;        /* wire bytes, both directions, over the last rate_window_s */
	const struct v2m_connection *connections; /* in the snapshot's connection table */
	size_t n_connections;
	struct v2m_sessions_view sessions;
	const struct v2m_peer *udp_peers; /* of the last minute, in the connection table */
	size_t n_udp_peers;
};

struct v2m_interface_view {
	char name[V2M_DEVICE_NAME_LEN];
	uint64_t rx_bytes; /* the device's own counters */
	uint64_t tx_bytes;
};

struct v2m_snapshot {
	unsigned references; /* atomic */
	uint64_t generation; /* rises with every snapshot of this process */
	uint64_t mono_ns;    /* CLOCK_MONOTONIC of the sample */
	int64_t real_us;     /* CLOCK_REALTIME of the sample, Unix microseconds */
	enum v2m_mode mode;
	char *mode_reason;                        /* why it is not exact; NULL in V2M_MODE_EBPF */
	struct v2m_keyset *keyset;                /* referenced */
	struct v2m_connection_table *connections; /* referenced */
	size_t connection_details_max;            /* the most that an answer lists for each port */
	struct v2m_port_view *ports; /* ascending by port: those of the key set that are counted */
	size_t n_ports;
	struct v2m_interface_view *interfaces;
	size_t n_interfaces;
};

/* Takes a reference. Any thread. */
struct v2m_snapshot *v2m_snapshot_ref(struct v2m_snapshot *snapshot);
/* Gives a reference back; the last one frees the snapshot. Does nothing on NULL. Any thread. */
void v2m_snapshot_unref(struct v2m_snapshot *snapshot);
/* NULL: the port is not monitored. */
const struct v2m_port_view *v2m_snapshot_port(const struct v2m_snapshot *snapshot, uint16_t port);

#endif
