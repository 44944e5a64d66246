// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Notes the ports to which UDP datagrams go over the loopback device. The kernel passes this
 * tracepoint for each packet of that device, and for packets of devices without a queue of their
 * own (veth, tun), but not for those of a network card. The program runs only while the daemon runs
 * and a key has a UDP port.
 */
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define IFF_LOOPBACK (1u << 3)
#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define NEXT_UDP     17

#define RELOCATED __attribute__((preserve_access_index))

struct net_device {
	unsigned int flags;
	possible_net_t nd_net;
} RELOCATED;

struct sk_buff {
	struct net_device *dev;
	unsigned char *head;
	__be16 protocol;
	__u16 network_header;
} RELOCATED;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The inode number of the network namespace whose loopback device counts. */
__u32 netns;

/* 1: a datagram was sent to the port since the daemon set it to 0. */
__u8 noticed[65536];

/* Bytes from the IP header to the UDP header. 0: it is another packet, or a later fragment. */
static __always_inline __u32 header_length(__be16 protocol, const unsigned char *ip)
{
	struct iphdr ipv4;
	__u8 next;

	if (protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_probe_read_kernel(&next, sizeof(next),
					  ip + __builtin_offsetof(struct ipv6hdr, nexthdr)))
			return 0;
		return next == NEXT_UDP ? sizeof(struct ipv6hdr) : 0;
	}
	if (protocol != bpf_htons(ETH_P_IP) || bpf_probe_read_kernel(&ipv4, sizeof(ipv4), ip) ||
	    ipv4.protocol != NEXT_UDP || ipv4.frag_off & bpf_htons(0x1fff))
		return 0;
	return ipv4.ihl * 4;
}

SEC("tp_btf/netif_rx")
int BPF_PROG(v2m_local_udp, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;
	const unsigned char *ip;
	__u32 length;
	__be16 port;
	__u32 place;

	(void)ctx;
	if (!(dev->flags & IFF_LOOPBACK) || dev->nd_net.net->ns.inum != netns)
		return 0;
	ip = skb->head + skb->network_header;
	length = header_length(skb->protocol, ip);
	if (!length || bpf_probe_read_kernel(&port, sizeof(port),
					     ip + length + __builtin_offsetof(struct udphdr, dest)))
		return 0;
	place = bpf_ntohs(port);
	/* The verifier does not know the size of what it has swapped. */
	barrier_var(place);
	place &= 0xffff;
	/* Several CPUs may send to one port: they read the line, and do not write it each time. */
	if (!noticed[place])
		noticed[place] = 1;
	return 0;
}
