// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The layout of version 1, as far as its counts are carried over, and a program that counts plain
 * UDP over IPv4 in it. It stays as it is: nothing may be learned from the present layout. */
#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GO_ON    -1
#define ETHERNET 14
#define UDP      17

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct v2m_flow {
	__u64 packets;
	__u64 wire_bytes;
	__u64 payload_bytes;
};

struct v2m_port_slot {
	__u16 slot : 12;
	__u16 tcp : 1;
	__u16 udp : 1;
	__u16 loopback : 1;
	__u16 shared : 1;
};

struct v2m_port_counters {
	__u16 port;
	__u16 pad[3];
	__u64 assigned_ns;
	struct v2m_flow tcp_rx;
	struct v2m_flow tcp_tx;
	struct v2m_flow udp_rx;
	struct v2m_flow udp_tx;
};

struct v2m_meta {
	__u64 abi_hash;
	__u8 boot_id[16];
	__u8 identity[16];
	__u64 created_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct v2m_port_slot);
} port_slot SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct v2m_port_counters);
} port_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct v2m_meta);
} meta SEC(".maps");

static __always_inline int count(struct __sk_buff *skb, int egress)
{
	struct iphdr *ip = (void *)(long)skb->data + ETHERNET;
	struct udphdr *udp = (void *)(ip + 1);
	struct v2m_port_counters *counters;
	struct v2m_port_slot *slot;
	struct v2m_flow *flow;
	__u32 key;

	if ((void *)(udp + 1) > (void *)(long)skb->data_end || skb->protocol != bpf_htons(0x0800) ||
	    ip->protocol != UDP)
		return GO_ON;
	key = bpf_ntohs(egress ? udp->source : udp->dest);
	slot = bpf_map_lookup_elem(&port_slot, &key);
	if (!slot || !slot->udp)
		return GO_ON;
	key = slot->slot;
	counters = bpf_map_lookup_elem(&port_counters, &key);
	if (!counters)
		return GO_ON;
	flow = egress ? &counters->udp_tx : &counters->udp_rx;
	flow->packets++;
	flow->wire_bytes += skb->len;
	flow->payload_bytes += bpf_ntohs(udp->len) - sizeof(*udp);
	return GO_ON;
}

SEC("tc")
int v2m_ingress(struct __sk_buff *skb)
{
	return count(skb, 0);
}

SEC("tc")
int v2m_egress(struct __sk_buff *skb)
{
	return count(skb, 1);
}
