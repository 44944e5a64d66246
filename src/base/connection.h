/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP connections and UDP peers of the monitored ports, as one dump shows them. */
#ifndef V2METER_BASE_CONNECTION_H
#define V2METER_BASE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

/* A TCP socket. State numbers are the kernel's (include/net/tcp_states.h). */
enum v2m_tcp_state {
	V2M_TCP_ESTABLISHED = 1,
	V2M_TCP_FIN_WAIT1 = 4,
	V2M_TCP_FIN_WAIT2 = 5,
	V2M_TCP_CLOSE = 7,
	V2M_TCP_CLOSE_WAIT = 8,
	V2M_TCP_LAST_ACK = 9,
	V2M_TCP_LISTEN = 10,
	V2M_TCP_CLOSING = 11,
};

struct v2m_connection {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t state;
	uint16_t local_port; /* host byte order */
	uint16_t slot_port;  /* the first port of the slot that counts local_port by TCP */
	uint16_t remote_port;
	uint8_t local[16]; /* network byte order; the first four bytes for AF_INET */
	uint8_t remote[16];
	/*
	 * The device that the socket is bound to (SO_BINDTODEVICE, or a link-local IPv6 address),
	 * "if<index>" if the device is gone, or "". ss (iproute2 6.1) prints it behind the local
	 * address only, outside the brackets: 192.0.2.14%eth0:443, [fe80::1]%eth0:443,
	 * [::ffff:192.0.2.14]%eth0:443.
	 */
	char device[V2M_DEVICE_NAME_LEN];
	/* The members below come from TCP_INFO. They are 0 unless v2m_sockets_want_details() asked
	 * for them. */
	uint64_t cookie;   /* the kernel's number of the socket, never used again */
	uint64_t rx_bytes; /* payload that has arrived in order */
	uint64_t tx_bytes; /* payload sent, without repetitions (before Linux 4.19: acknowledged) */
	uint64_t sent_bytes;  /* payload sent, with repetitions (before Linux 4.19: tx_bytes) */
	uint32_t rx_segments; /* all segments, also empty and repeated ones */
	uint32_t tx_segments;
	uint32_t rtt_us;      /* smoothed */
	uint32_t retransmits; /* segments sent again since the connection began */
	uint64_t opened_ns;   /* CLOCK_MONOTONIC when it was accepted; 0: not seen */
	/* On a shared port: the owner of the flow, as in bpf_abi.h. V2M_NO_OWNER: it is not known.
	 */
	uint32_t owner;
	uint8_t tcp_header; /* bytes of a segment's TCP header: 20, or 32 with time stamps */
};

/* An address to which a port sends datagrams. UDP has no connections. */
struct v2m_peer {
	uint16_t port; /* the local port, even if a range is counted; host byte order, as the other
			  ports */
	uint16_t remote_port;
	uint16_t slot_port;  /* the first port of the slot that counts port by UDP */
	uint8_t address[16]; /* IPv4 in the IPv4-mapped form */
	uint64_t seen_ns;    /* CLOCK_MONOTONIC of the last datagram, up to 2.5 s too early */
};

/* Connections of one slot that this side has closed but that have not ended (FIN_WAIT1, FIN_WAIT2,
 * CLOSING). They are not listed, but they still carry bytes. */
struct v2m_closing_port {
	uint16_t slot_port;
	size_t count;
	uint64_t rx_bytes; /* as in struct v2m_connection */
	uint64_t tx_bytes;
};

/* Connections that began on this side, see bpf_abi.h. */
struct v2m_foreign_flows {
	struct v2m_foreign_flow *items;
	size_t count;
	size_t capacity;
};

/* An immutable dump of the connections of the monitored ports, shared by reference count. */
struct v2m_connection_table {
	unsigned references;              /* atomic */
	uint64_t mono_ns;                 /* CLOCK_MONOTONIC when the dump was taken */
	struct v2m_closing_port *closing; /* ascending by slot_port; only with details */
	size_t n_closing;
	struct v2m_peer *peers; /* ascending by slot_port, and the latest of each slot first */
	size_t n_peers;
	size_t count;
	struct v2m_connection connections[]; /* ascending by slot_port */
};

/* A table of no connections at that moment, with one reference. NULL: out of memory. */
struct v2m_connection_table *v2m_connection_table_make_empty(uint64_t mono_ns);
/* Adds a reference, for a holder that keeps the pointer. Any thread. */
struct v2m_connection_table *v2m_connection_table_ref(struct v2m_connection_table *table);
/* Drops a reference and frees the table with the last one. NULL: does nothing. Any thread. */
void v2m_connection_table_unref(struct v2m_connection_table *table);
/* The UDP peers or the connections of the slot with this first port. If there are none, the result
 * is NULL and *count is 0. table may be NULL. */
const struct v2m_peer *v2m_connection_table_peers(const struct v2m_connection_table *table,
						  uint16_t slot_port, size_t *count);
const struct v2m_connection *v2m_connection_table_slot(const struct v2m_connection_table *table,
						       uint16_t slot_port, size_t *count);

/* Whether the packets of a socket with a peer pass the loopback device: its peer has a loopback
 * address, or the same address as this end. */
bool v2m_connection_is_local(const struct v2m_connection *connection);

#endif
