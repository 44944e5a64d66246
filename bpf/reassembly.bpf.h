/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the programs that watch the kernel put fragments together, see fragments.bpf.c. They
 * are in every object, so that the daemon makes and pins them with all others. */
#ifndef V2METER_REASSEMBLY_BPF_H
#define V2METER_REASSEMBLY_BPF_H

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "v2meter/bpf_abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct v2m_reassembly_scope);
} reassembly_scope SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_REASSEMBLY_DEVICES);
	__type(key, __u32);
	__type(value, struct v2m_reassembly_device);
} reassembly_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_REASSEMBLIES);
	__type(key, __u64);
	__type(value, struct v2m_reassembly);
} reassemblies SEC(".maps");

static __always_inline struct v2m_reassembly_scope *find_reassembly_scope(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&reassembly_scope, &first);
}

/* Whether programs count this device's fragments where the kernel puts them together. */
static __always_inline bool is_watched(struct __sk_buff *skb,
				       const struct v2m_reassembly_scope *scope)
{
	__u32 ifindex = skb->ifindex;

	return scope && scope->generation && bpf_map_lookup_elem(&reassembly_devices, &ifindex);
}

#endif
