/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Adds what connections of shared ports do to their flows, as the counting programs do it with
 * packets: to the flow until it has an owner, then to the owner. The slot gets everything first, so
 * its owners never have more than the slot.
 */
#ifndef V2METER_SESSION_FLOWS_BPF_H
#define V2METER_SESSION_FLOWS_BPF_H

#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "socket.bpf.h"

#include "v2meter/bpf_abi.h"

#define AF_INET 2

/* Clang leaves out the BTF of a type that only an inner map names. Linux 5.15 to 6.1 refuse a map
 * with BTF in the place of one without. Nothing reads this constant: it makes Clang write BTF. */
const struct {
	struct v2m_flow_key key;
	struct v2m_flow_state state;
	struct v2m_flow_sessions sessions;
} inner_types = {};

/* The inner maps must have the layout of flow_maps.bpf.h. The daemon puts them in. */
struct inner_flows {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_FLOWS);
	__uint(map_flags, 1U << 0); /* BPF_F_NO_PREALLOC */
	__type(key, struct v2m_flow_key);
	__type(value, struct v2m_flow_state);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner_flows);
} session_flows SEC(".maps");

struct inner_owner_sessions {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, V2M_MAX_OWNERS);
	__uint(map_flags, 1U << 10); /* BPF_F_MMAPABLE */
	__type(key, __u32);
	__type(value, struct v2m_flow_sessions);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner_owner_sessions);
} session_owners SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common___remote {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
};

#pragma clang attribute pop

static __always_inline void make_flow_key(struct sock *sk, struct v2m_flow_key *key)
{
	/* The first member of a socket is its common part. */
	struct sock_common___remote *common = (struct sock_common___remote *)sk;

	__builtin_memset(key, 0, sizeof(*key));
	key->port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	key->remote_port = bpf_ntohs(BPF_CORE_READ(common, skc_dport));
	key->protocol = IPPROTO_TCP;
	if (BPF_CORE_READ(common, skc_family) == AF_INET) {
		__be32 address = BPF_CORE_READ(common, skc_daddr);

		key->remote[10] = key->remote[11] = 0xff;
		__builtin_memcpy(key->remote + 12, &address, sizeof(address));
	} else if (bpf_core_field_exists(common->skc_v6_daddr)) { /* the kernel may lack IPv6 */
		bpf_core_read(key->remote, sizeof(key->remote), &common->skc_v6_daddr);
	}
}

/* The place that gets the figures of a socket: its flow without an owner, or the owner. NULL: the
 * flow is not known, or is disputed. */
static __always_inline struct v2m_flow_sessions *find_place(struct sock *sk)
{
	struct v2m_flow_state *state;
	struct v2m_flow_key key;
	__u32 first = 0;
	__u32 owner;
	void *map = bpf_map_lookup_elem(&session_flows, &first);

	if (!map)
		return 0;
	make_flow_key(sk, &key);
	state = bpf_map_lookup_elem(map, &key);
	if (!state || state->disputed)
		return 0;
	/* Without an owner the daemon may set one meanwhile. Then it moves these figures later. */
	owner = *(volatile __u32 *)&state->owner;
	if (owner == V2M_NO_OWNER)
		return &state->sessions;
	map = bpf_map_lookup_elem(&session_owners, &first);
	return map ? bpf_map_lookup_elem(map, &owner) : 0;
}

/* If the compiler knows that 0 is added, it makes an atomic OR of it, which Linux has since 5.12.
 */
static __always_inline void add_to_place(__u64 *counter, __u64 more)
{
	if (more)
		__sync_fetch_and_add(counter, more);
}

static __always_inline void add_to_flow(struct sock *sk, const struct v2m_flow_sessions *added)
{
	struct v2m_flow_sessions *place;

	if (!added->opened && !added->closed && !added->rx_bytes && !added->tx_bytes)
		return;
	place = find_place(sk);
	if (!place)
		return;
	add_to_place(&place->opened, added->opened);
	add_to_place(&place->closed, added->closed);
	add_to_place(&place->rx_bytes, added->rx_bytes);
	add_to_place(&place->tx_bytes, added->tx_bytes);
}

#endif
