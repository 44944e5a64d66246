/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bytes of MPTCP connections. MPTCP sends data again, on another subflow or on the same one, if
 * it is not acknowledged in time. So what the subflows carry adds up to more than the connection
 * hands over. Since Linux 6.5 the connection counts each byte once, but also those that wait in a
 * subflow to be sent, and may never be. So the subflows add to sums of their connection, and the
 * connection adds the lesser one of both to the slot. On older kernels the subflows add to the
 * slot, which is marked.
 */
#ifndef V2METER_MPTCP_BPF_H
#define V2METER_MPTCP_BPF_H

#include "delivered.bpf.h"

#define IPPROTO_MPTCP 262

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mptcp_sock___bytes {
	__u64 bytes_sent;
	__u64 bytes_received;
};

#pragma clang attribute pop

static __always_inline bool are_mptcp_bytes_known(void)
{
	struct mptcp_sock___bytes *bytes = 0;

	return iterator_locks() && bpf_core_field_exists(bytes->bytes_received);
}

/* The connection of a subflow. NULL: the socket is no subflow, or the connection's bytes are not
 * known. */
static __always_inline struct sock *find_connection(struct sock *sk)
{
	struct mptcp_subflow_context *subflow;

	if (!are_mptcp_bytes_known() || !is_subflow(sk))
		return 0;
	subflow = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_data);
	return subflow ? BPF_CORE_READ(subflow, conn) : 0;
}

/* The notes of connections are found by address. No helper makes the connection of a subflow into a
 * pointer for which the kernel gives out the notes in a socket. */
static __always_inline struct v2m_session_socket *find_connection_note(struct sock *connection)
{
	__u64 address = address_of(connection);

	return bpf_map_lookup_elem(&session_sockets_by_address, &address);
}

static __always_inline struct figures read_connection(struct sock *connection)
{
	struct mptcp_sock___bytes *bytes = (struct mptcp_sock___bytes *)connection;

	return (struct figures){ .rx = BPF_CORE_READ(bytes, bytes_received),
				 .tx = BPF_CORE_READ(bytes, bytes_sent) };
}

/* Makes the note, or overwrites it. False: there is no room. */
static __always_inline bool make_connection_note(struct sock *connection, const struct figures *now)
{
	struct v2m_session_socket note = {
		.rx_bytes = now->rx,
		.tx_bytes = now->tx,
		.last_rx_bytes = now->rx,
		.last_tx_bytes = now->tx,
	};
	__u64 address = address_of(connection);

	return bpf_map_update_elem(&session_sockets_by_address, &address, &note, BPF_ANY) == 0;
}

static __always_inline void remove_connection_note(struct sock *connection)
{
	__u64 address = address_of(connection);

	bpf_map_delete_elem(&session_sockets_by_address, &address);
}

/* Finds the sums of the connection's subflows, or makes them if the connection was open before.
 * NULL: there is no room. */
static __always_inline struct v2m_session_delivered *find_sums(struct sock *connection)
{
	struct v2m_session_socket *note = find_connection_note(connection);
	struct figures now;

	if (!note) {
		now = read_connection(connection);
		make_connection_note(connection, &now);
		note = find_connection_note(connection);
	}
	if (!note)
		return 0;
	/* The verifier allows no arithmetic before the check. */
	barrier_var(note);
	/* opened_at and the three members behind it have this layout. */
	return (struct v2m_session_delivered *)&note->opened_at;
}

static __always_inline __u64 lesser(__u64 one, __u64 other)
{
	return one < other ? one : other;
}

/* Adds what the connection has carried since its note. Nobody has the connection's lock, so a claim
 * keeps the other CPUs away. What this leaves is added later: the last time when the connection
 * itself closes, after all its subflows. */
static __always_inline void add_connection(struct sock *connection, struct addition *addition)
{
	struct v2m_session_socket *note;
	struct figures now;

	if (!claim(connection))
		return;
	note = find_connection_note(connection);
	if (note) {
		now = read_connection(connection);
		now.rx = lesser(now.rx, note->last_rx_bytes);
		now.tx = lesser(now.tx, note->last_tx_bytes);
		now.again = note->last_again_bytes;
		add_figures(&now, note, addition);
	}
	release(connection);
}

#endif
