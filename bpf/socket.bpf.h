/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bytes that a TCP socket has carried. */
#ifndef V2METER_SOCKET_BPF_H
#define V2METER_SOCKET_BPF_H

#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "v2meter/bpf_abi.h"

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

#define IPPROTO_TCP 6
#define AF_INET6    10

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* The lock of a socket, as kernels before 5.15 have it. */
struct v2m_lock_value {
	int counter;
};
struct v2m_raw_lock {
	struct v2m_lock_value val;
};
struct v2m_inner_lock {
	struct v2m_raw_lock raw_lock;
};
struct v2m_spin_lock {
	struct v2m_inner_lock rlock;
};
struct v2m_socket_lock {
	struct v2m_spin_lock slock;
	int owned;
};
struct sock___lock {
	struct v2m_socket_lock sk_lock;
};

/* Since Linux 5.15 the iterator takes the sockets of a bucket at once, and locks each of them. */
struct bpf_tcp_iter_state {
	void *batch;
};

/* Where the sockets of a port are listed. */
struct inet_bind_bucket___reuse {
	signed char fastreuse;
};
struct inet_connection_sock___bound {
	struct inet_bind_bucket___reuse *icsk_bind_hash;
};

struct sock_common___addresses {
	unsigned short skc_family;
	unsigned char skc_reuse : 4;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct tcp_sock___mptcp {
	bool is_mptcp;
};
struct mptcp_subflow_context {
	__u32 mp_join : 1;
	struct sock *conn;
};

#pragma clang attribute pop

struct figures {
	__u64 rx;
	__u64 tx;
	__u64 again;
};

/* A FIN takes one number of the sequence. The peer's FIN is counted in bytes_received; tcp_fin()
 * sets SOCK_DONE for it. */
static __always_inline __u64 bytes_received(struct sock *sk)
{
	__u64 fin = BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DONE & 1;

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

/* state is the socket's, or the last one before TCP_CLOSE. The caller has the socket's lock, or
 * knows that nobody has it. */
static __always_inline struct figures read_figures(struct sock *sk, int state)
{
	return (struct figures){
		.rx = bytes_received(sk),
		.tx = bytes_sent_once(sk, state),
		.again = BPF_CORE_READ((struct tcp_sock *)sk, bytes_retrans),
	};
}

static __always_inline bool is_unlocked(struct sock *sk)
{
	struct sock___lock *lock = (struct sock___lock *)sk;

	if (!bpf_core_field_exists(lock->sk_lock.slock.rlock.raw_lock.val.counter))
		return false;
	return BPF_CORE_READ(lock, sk_lock.slock.rlock.raw_lock.val.counter) == 0 &&
	       BPF_CORE_READ(lock, sk_lock.owned) == 0;
}

/* Reads the figures of a socket that the caller has not locked. False if they may be torn: somebody
 * had the socket, or it changed between two readings. */
static __always_inline bool read_quiet_figures(struct sock *sk, int state, struct figures *figures)
{
	struct figures again;

	if (!is_unlocked(sk))
		return false;
	*figures = read_figures(sk, state);
	if (!is_unlocked(sk))
		return false;
	again = read_figures(sk, state);
	return figures->rx == again.rx && figures->tx == again.tx &&
	       figures->again == again.again && BPF_CORE_READ(sk, __sk_common.skc_state) == state;
}

/* Whether the socket carries a part of an MPTCP connection. */
static __always_inline bool is_subflow(struct sock *sk)
{
	struct tcp_sock___mptcp *tcp = (struct tcp_sock___mptcp *)sk;

	return bpf_core_field_exists(tcp->is_mptcp) && BPF_CORE_READ(tcp, is_mptcp);
}

/* Whether connect() got the socket its port. The kernel then marks the list of the port's sockets
 * (inet_hash_connect()). A server can join such a list only for another address, and with
 * SO_REUSEADDR, which its connections inherit. */
static __always_inline bool has_chosen_port(struct sock *sk)
{
	struct inet_connection_sock___bound *bound = (void *)sk;
	struct sock_common___addresses *common = (void *)sk;
	struct inet_bind_bucket___reuse *bucket = BPF_CORE_READ(bound, icsk_bind_hash);

	return bucket && BPF_CORE_READ(bucket, fastreuse) == -1 &&
	       !BPF_CORE_READ_BITFIELD_PROBED(common, skc_reuse);
}

static __always_inline void read_ends(struct sock *sk, struct v2m_foreign_flow *flow)
{
	struct sock_common___addresses *common = (void *)sk;
	__be32 ends[2] = { BPF_CORE_READ(common, skc_rcv_saddr), BPF_CORE_READ(common, skc_daddr) };

	flow->protocol = IPPROTO_TCP;
	flow->port = BPF_CORE_READ(common, skc_num);
	flow->remote_port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	if (BPF_CORE_READ(common, skc_family) == AF_INET6 &&
	    bpf_core_field_exists(common->skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&flow->local, common, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&flow->remote, common, skc_v6_daddr);
		return;
	}
	flow->local[10] = flow->local[11] = flow->remote[10] = flow->remote[11] = 0xff;
	__builtin_memcpy(flow->local + 12, &ends[0], sizeof(ends[0]));
	__builtin_memcpy(flow->remote + 12, &ends[1], sizeof(ends[1]));
}

/* Whether the socket is a further subflow of an MPTCP connection, which has been counted. */
static __always_inline bool is_joining_subflow(struct sock *sk)
{
	struct mptcp_subflow_context *subflow = 0;

	if (!bpf_core_field_exists(subflow->mp_join) || !is_subflow(sk))
		return false;
	subflow = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_data);
	return subflow && BPF_CORE_READ_BITFIELD_PROBED(subflow, mp_join);
}

#endif
