// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts the TCP connections of the monitored ports: each when it opens, its final figures when it
 * closes, and what all of them hand over. One program runs when a socket changes its state, never
 * for a packet. The daemon runs the other one, which looks at each open socket.
 *
 * Counters are updated atomically, because connections of one port open and close on several CPUs
 * at once. This costs a few nanoseconds for each connection. Counters for each CPU would cost more
 * to read.
 *
 * While the daemon changes to a new version of the first program, both versions run. The note of a
 * socket (delivered.bpf.h) tells the second one that the first one has counted.
 */
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "delivered.bpf.h"
#include "mptcp.bpf.h"
#include "socket.bpf.h"
#include "v2meter/bpf_abi.h"

#define BPF_F_MMAPABLE (1u << 10)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before the object is loaded: programs of this kind have bpf_get_socket_cookie() since Linux
 * 5.12. */
const volatile bool has_cookie = true;
/* Set before the object is loaded: the second program is there (Linux 5.9). */
const volatile bool has_pass = true;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct v2m_session_port);
} session_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_SLOTS);
	__type(key, __u16);
	__type(value, struct v2m_session_counters);
} session_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, V2M_MAX_SESSION_STARTS);
	__type(key, __u64);
	__type(value, __u64);
} session_starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct v2m_session_scope);
} session_scope SEC(".maps");

struct seq_file;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

#pragma clang attribute pop

static __always_inline struct v2m_session_scope *get_scope(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&session_scope, &first);
}

static __always_inline bool in_scope(struct sock *sk)
{
	struct v2m_session_scope *scope = get_scope();

	return scope && sk->__sk_common.skc_net.net->ns.inum == scope->netns;
}

/* The slot that counts the socket's local port. Its slot_port is 0 if none does. At TCP_CLOSE
 * skc_num is 0 already, inet_sport is not. */
static __always_inline struct v2m_session_port find_slot(struct sock *sk)
{
	__u32 port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	struct v2m_session_port *slot = bpf_map_lookup_elem(&session_ports, &port);

	return slot ? *slot : (struct v2m_session_port){};
}

/* Says that some of the slot's delivered bytes may be counted twice. */
static __always_inline void mark_repeats(__u16 slot_port)
{
	__u32 first_port = slot_port;
	struct v2m_session_port *port = bpf_map_lookup_elem(&session_ports, &first_port);

	if (port)
		port->repeats = 1;
}

/* Where the socket's bytes are added: to its slot or, if it is a subflow, to the sums of its
 * connection. */
static __always_inline struct v2m_session_delivered *
find_target(struct sock *sk, struct sock *connection, const struct v2m_session_port *slot,
	    struct v2m_session_delivered *delivered)
{
	struct v2m_session_delivered *sums = connection ? find_sums(connection) : 0;

	if (sums)
		return sums;
	if (is_subflow(sk))
		mark_repeats(slot->slot_port);
	return delivered;
}

/* Adds the bytes of an MPTCP connection to its slot. Its flow is that of the first subflow. */
static __always_inline void add_connection_to_slot(struct sock *connection,
						   const struct v2m_session_port *slot,
						   struct v2m_session_delivered *delivered)
{
	struct addition addition = { .to = delivered };

	add_connection(connection, &addition);
	if (slot->shared)
		add_to_flow(connection, &addition.added);
}

static __always_inline void note_untracked(void)
{
	struct v2m_session_scope *scope = get_scope();

	if (scope)
		__sync_fetch_and_add(&scope->untracked, 1);
}

/* Both sequence numbers tell this connection from an earlier one of the same socket's memory. */
static __always_inline __u64 identify(struct sock *sk)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	return (__u64)BPF_CORE_READ(tcp, snd_una) << 32 | BPF_CORE_READ(tcp, rcv_nxt);
}

/* Makes the note of a socket that opens, from which all its bytes are added. False: another version
 * of this program has made it. */
static __always_inline bool note_opening(struct sock *sk, __u32 flags)
{
	struct v2m_session_socket note = { .opened_at = identify(sk), .flags = flags };
	struct v2m_session_socket *known = find_note(sk);

	if (known && known->opened_at == note.opened_at && !(known->flags & V2M_SOCKET_CLOSED))
		return false;
	if (!make_note(sk, &note))
		note_untracked();
	return true;
}

/* Safe without a lock: no other CPU writes the entry of this new socket. */
static __always_inline void note_start(struct sock *sk)
{
	__u64 now_ns = bpf_ktime_get_ns();
	__u64 cookie;

	if (!has_cookie)
		return;
	cookie = bpf_get_socket_cookie(sk);
	bpf_map_update_elem(&session_starts, &cookie, &now_ns, BPF_ANY);
}

/* Makes the note of an MPTCP connection when its first subflow opens. It has no bytes yet. */
static __always_inline void note_connection(struct sock *sk)
{
	const struct figures none = {};
	struct sock *connection = find_connection(sk);

	if (connection && !make_connection_note(connection, &none))
		note_untracked();
}

static __always_inline void count_opening(struct sock *sk, struct v2m_session_counters *counters,
					  struct v2m_flow_sessions *added)
{
	if (has_pass && !note_opening(sk, 0))
		return;
	/* The subflows of an MPTCP connection are one session. */
	if (!is_joining_subflow(sk)) {
		note_connection(sk);
		__sync_fetch_and_add(&counters->opened, 1);
		added->opened = 1;
	}
	note_start(sk);
}

/* Adds the final figures of a socket. False: nothing was added. */
static __always_inline bool add_closed_to_target(struct sock *sk, const struct figures *final,
						 const struct v2m_session_port *slot,
						 struct addition *addition)
{
	struct v2m_session_delivered *delivered = addition->to;
	struct sock *connection = find_connection(sk);

	addition->to = find_target(sk, connection, slot, delivered);
	if (!add_closed(sk, final, addition))
		return false;
	if (addition->to != delivered) {
		addition->added = (struct v2m_flow_sessions){};
		add_connection_to_slot(connection, slot, delivered);
	}
	return true;
}

static __always_inline void count_end(struct sock *sk, int state,
				      const struct v2m_session_port *slot,
				      struct v2m_session_counters *counters,
				      struct addition *addition)
{
	struct figures final = read_figures(sk, state);
	__u64 cookie;

	if (has_pass && addition->to && !add_closed_to_target(sk, &final, slot, addition))
		return;
	if (!is_joining_subflow(sk)) {
		__sync_fetch_and_add(&counters->closed, 1);
		addition->added.closed = 1;
	}
	__sync_fetch_and_add(&counters->rx_bytes, final.rx);
	__sync_fetch_and_add(&counters->tx_bytes, final.tx);
	if (!has_cookie)
		return;
	cookie = bpf_get_socket_cookie(sk);
	bpf_map_delete_elem(&session_starts, &cookie);
}

/* Adds the rest of an MPTCP connection, after all its subflows. sk may be of another protocol. */
static __always_inline void count_end_of_connection(struct sock *sk, bool closes,
						    const struct v2m_session_port *slot,
						    struct v2m_session_delivered *delivered)
{
	if (!closes || sk->sk_protocol != IPPROTO_MPTCP || !are_mptcp_bytes_known() ||
	    !find_connection_note(sk))
		return;
	if (delivered)
		add_connection_to_slot(sk, slot, delivered);
	remove_connection_note(sk);
}

static __always_inline bool was_open(int state)
{
	return state != TCP_LISTEN && state != TCP_SYN_SENT && state != TCP_SYN_RECV &&
	       state != TCP_CLOSE;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(v2m_session, struct sock *sk, int old_state, int new_state)
{
	bool opens = old_state == TCP_SYN_RECV && new_state == TCP_ESTABLISHED;
	bool connects = old_state == TCP_SYN_SENT && new_state == TCP_ESTABLISHED;
	bool closes = new_state == TCP_CLOSE && was_open(old_state);
	struct v2m_session_counters *counters;
	struct addition addition = {};
	struct v2m_session_port slot;

	(void)ctx;
	if (!opens && !connects && !closes)
		return 0;
	slot = find_slot(sk);
	if (!slot.slot_port)
		return 0;
	counters = bpf_map_lookup_elem(&session_counters, &slot.slot_port);
	if (!counters || !in_scope(sk))
		return 0;
	addition.to = bpf_map_lookup_elem(&session_delivered, &slot.slot_port);
	if (sk->sk_protocol != IPPROTO_TCP)
		count_end_of_connection(sk, closes, &slot, addition.to);
	else if (opens)
		count_opening(sk, counters, &addition.added);
	else if (closes)
		count_end(sk, old_state, &slot, counters, &addition);
	else if (has_pass)
		note_opening(sk, V2M_SOCKET_OUTGOING);
	if (slot.shared)
		add_to_flow(sk, &addition.added);
	return 0;
}

/* Adds what the sockets of counted ports have carried since the last pass, and writes those that
 * began here (struct v2m_foreign_flow). A socket whose port is not counted loses its note. If the
 * port is counted later, the socket is one that was open before. */
SEC("iter/tcp")
int v2m_session_pass(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct seq_file *output = ctx->meta->seq;
	struct addition addition = {};
	struct v2m_session_port slot;
	struct v2m_session_delivered *delivered;
	struct sock *connection;
	struct tcp_sock *tcp;
	struct sock *sk;
	int state;

	/* The compiler must not read the member again: the verifier knows only that this value is
	 * not NULL. */
	barrier_var(common);
	if (!common)
		return 0;
	/* NULL for a socket in TIME_WAIT, and for one that is not accepted yet. */
	tcp = bpf_skc_to_tcp_sock(common);
	if (!tcp)
		return 0;
	sk = (struct sock *)tcp;
	state = sk->__sk_common.skc_state;
	if (!was_open(state))
		return 0;
	slot = find_slot(sk);
	if (slot.slot_port)
		addition.to = bpf_map_lookup_elem(&session_delivered, &slot.slot_port);
	if (!addition.to || !in_scope(sk)) {
		remove_note(sk);
		connection = find_connection(sk);
		if (connection)
			remove_connection_note(connection);
		return 0;
	}
	delivered = addition.to;
	connection = find_connection(sk);
	addition.to = find_target(sk, connection, &slot, delivered);
	if (iterator_locks())
		add_open_locked(sk, state, &addition, output);
	else
		add_open_unlocked(sk, state, &addition, output);
	if (addition.to != delivered)
		add_connection_to_slot(connection, &slot, delivered);
	else if (slot.shared)
		add_to_flow(sk, &addition.added);
	return 0;
}
