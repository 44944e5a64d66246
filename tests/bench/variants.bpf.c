// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs to compare ours with: an empty one, and the obvious way to count ports, a per-CPU hash
 * fed by copies of the headers, without fragments, options, tags or segments.
 */
#include <stddef.h>

#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GO_ON      -1
#define ETHERNET   14
#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86DD
#define TCP        6
#define UDP        17
#define MOST_PORTS 4096

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct count {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, MOST_PORTS);
	__type(key, __u16);
	__type(value, struct count);
} flows SEC(".maps");

SEC("tc")
int empty(__attribute__((unused)) struct __sk_buff *skb)
{
	return GO_ON;
}

static __always_inline int find_ports(struct __sk_buff *skb, __u32 *offset)
{
	struct ipv6hdr ipv6;
	struct iphdr ipv4;
	__be16 type;

	if (bpf_skb_load_bytes(skb, ETHERNET - sizeof(type), &type, sizeof(type)))
		return 0;
	if (type == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, ETHERNET, &ipv4, sizeof(ipv4)))
			return 0;
		*offset = ETHERNET + ipv4.ihl * 4;
		return ipv4.protocol;
	}
	if (type != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, ETHERNET, &ipv6, sizeof(ipv6)))
		return 0;
	*offset = ETHERNET + sizeof(ipv6);
	return ipv6.nexthdr;
}

static __always_inline int count(struct __sk_buff *skb, __u32 which)
{
	struct count *flow;
	__be16 ports[2];
	__u32 offset;
	__u16 key;
	int protocol = find_ports(skb, &offset);

	if ((protocol != TCP && protocol != UDP) ||
	    bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
		return GO_ON;
	key = bpf_ntohs(ports[which]);
	flow = bpf_map_lookup_elem(&flows, &key);
	if (flow) {
		flow->packets++;
		flow->bytes += skb->len;
	}
	return GO_ON;
}

SEC("tc")
int hash_ingress(struct __sk_buff *skb)
{
	return count(skb, 1);
}

SEC("tc")
int hash_egress(struct __sk_buff *skb)
{
	return count(skb, 0);
}
