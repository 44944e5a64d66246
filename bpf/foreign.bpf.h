/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds packets that have a monitored port, but belong to somebody else's connection or flow.
 * Include it behind "device".
 */
#ifndef V2METER_FOREIGN_BPF_H
#define V2METER_FOREIGN_BPF_H

#include "peers.bpf.h"
#include "ports.bpf.h"

/* Marks the copies of all CPUs and both directions, so that arriving packets are looked up too.
 * This is rare, and every writer sets the same bit in a byte that nobody else writes. */
static __always_inline void mark_slot(__u32 slot)
{
	for (__u32 part = 0; part < 2u * device.cpus; part++) {
		__u32 key = v2m_counter_index(part / 2, part % 2, slot);
		struct v2m_port_counters *counters = bpf_map_lookup_elem(&port_counters, &key);

		if (counters)
			counters->tx |= V2M_HAS_FOREIGN;
	}
}

static __noinline int note_foreign(const struct v2m_foreign_flow *flow,
				   struct v2m_port_counters *counters)
{
	__u8 present = 1;

	/* The entry comes first, because a marked slot is looked up. */
	bpf_map_update_elem(&foreign_flows, flow, &present, BPF_ANY);
	if (!(counters->tx & V2M_HAS_FOREIGN))
		mark_slot(counters->slot);
	return 0;
}

enum way {
	ARRIVES,
	LEAVES,          /* TCP */
	LEAVES_SERVED,   /* UDP, by what note_peer() says */
	LEAVES_UNSERVED, /* UDP */
};

/*
 * Whether a packet with a monitored port belongs to a connection or flow that began on this side:
 * an outgoing one of this host, or of others that it forwards for. TCP tells by the first segment
 * of a handshake, and forwarded segments by connection tracking if that is there.
 */
static __noinline bool is_foreign(struct __sk_buff *skb, const struct v2m_foreign_flow *flow,
				  struct v2m_port_counters *counters, __u32 tcp_flags, __u32 way)
{
	__u32 handshake = tcp_flags & (TCP_SYN | TCP_ACK);
	bool begins = way == LEAVES_UNSERVED || (way == LEAVES && handshake == TCP_SYN);

	if (way == LEAVES && handshake != TCP_SYN && device.forwards && !skb->sk)
		begins = goes_forth(skb);
	if (begins) {
		note_foreign(flow, counters);
		return true;
	}
	if (!(counters->tx & V2M_HAS_FOREIGN) || !bpf_map_lookup_elem(&foreign_flows, flow))
		return false;
	/* This host serves it, so an entry with the same ends is an old one. */
	if (way != LEAVES_SERVED && (way != LEAVES || handshake != (TCP_SYN | TCP_ACK)))
		return true;
	bpf_map_delete_elem(&foreign_flows, flow);
	return false;
}

/* Whether a plain packet needs is_foreign(). Few do. The protocol is a constant. */
static __always_inline bool is_suspect(struct __sk_buff *skb, const struct plain *plain,
				       const struct packet *packet,
				       const struct v2m_port_counters *counters,
				       const __u8 protocol, const bool ipv6, bool egress)
{
	if (counters->tx & V2M_HAS_FOREIGN)
		return true;
	if (!egress)
		return false;
	if (protocol == NEXT_UDP)
		return !note_plain_peer(skb, plain, plain->l4, ipv6);
	return (packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN || (device.forwards && !skb->sk);
}

#endif
