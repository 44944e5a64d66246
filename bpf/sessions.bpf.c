// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts the TCP connections of the monitored ports: each when it opens, and its final figures when
 * it closes. The program runs when a socket changes its state, never for a packet.
 *
 * Counters are updated atomically, because connections of one port open and close on several CPUs
 * at once. This costs a few nanoseconds for each connection. Counters for each CPU would cost more
 * to read.
 */
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "v2meter/bpf_abi.h"

#define BPF_ANY        0
#define BPF_F_MMAPABLE (1u << 10)
#define IPPROTO_TCP    6

/* include/net/tcp_states.h, enum sock_flags of include/net/sock.h. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT    2
#define TCP_SYN_RECV    3
#define TCP_FIN_WAIT1   4
#define TCP_FIN_WAIT2   5
#define TCP_CLOSE       7
#define TCP_LAST_ACK    9
#define TCP_LISTEN      10
#define TCP_CLOSING     11
#define SOCK_DONE       1

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before the object is loaded: programs of this kind have bpf_get_socket_cookie() since Linux
 * 5.12. */
const volatile bool has_cookie = true;

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

static __always_inline bool in_scope(struct sock *sk)
{
	__u32 first = 0;
	struct v2m_session_scope *scope = bpf_map_lookup_elem(&session_scope, &first);

	return scope && sk->__sk_common.skc_net.net->ns.inum == scope->netns &&
	       sk->sk_protocol == IPPROTO_TCP;
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

/* A FIN takes one number of the sequence. The peer's FIN is counted in bytes_received; tcp_fin()
 * sets SOCK_DONE for it. */
static __always_inline __u64 bytes_received(struct sock *sk)
{
	__u64 fin = sk->__sk_common.skc_flags >> SOCK_DONE & 1;

	return BPF_CORE_READ((struct tcp_sock *)sk, bytes_received) - fin;
}

static __always_inline bool has_queued_fin(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

/* Payload that was sent, each byte once: acknowledged bytes and bytes in flight, without our FIN,
 * which is the last number of the sequence. bytes_sent - bytes_retrans is not the same: a segment
 * that the local queue discipline drops is in bytes_sent after each attempt, but an attempt is in
 * bytes_retrans only if an earlier one succeeded (tcp_write_xmit() in net/ipv4/tcp_output.c). */
static __always_inline __u64 bytes_sent_once(struct sock *sk, int state)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u32 next = BPF_CORE_READ(tcp, snd_nxt);
	__u32 in_flight = next - BPF_CORE_READ(tcp, snd_una);
	__u64 fin = has_queued_fin(state) && next == BPF_CORE_READ(tcp, write_seq);

	return BPF_CORE_READ(tcp, bytes_acked) + in_flight - fin;
}

static __always_inline void add_final(struct sock *sk, int state,
				      struct v2m_session_counters *counters)
{
	__u64 cookie;

	__sync_fetch_and_add(&counters->closed, 1);
	__sync_fetch_and_add(&counters->rx_bytes, bytes_received(sk));
	__sync_fetch_and_add(&counters->tx_bytes, bytes_sent_once(sk, state));
	if (!has_cookie)
		return;
	cookie = bpf_get_socket_cookie(sk);
	bpf_map_delete_elem(&session_starts, &cookie);
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
	bool closes = new_state == TCP_CLOSE && was_open(old_state);
	struct v2m_session_counters *counters;
	struct v2m_session_port *slot;
	__u32 port;

	(void)ctx;
	if (!opens && !closes)
		return 0;
	/* At TCP_CLOSE skc_num is 0 already. */
	port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	slot = bpf_map_lookup_elem(&session_ports, &port);
	if (!slot || !slot->slot_port)
		return 0;
	counters = bpf_map_lookup_elem(&session_counters, &slot->slot_port);
	if (!counters || !in_scope(sk))
		return 0;
	if (opens) {
		__sync_fetch_and_add(&counters->opened, 1);
		note_start(sk);
	} else {
		add_final(sk, old_state, counters);
	}
	return 0;
}
