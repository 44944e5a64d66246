/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts packets of shared slots for their flows.
 *
 * A TCP flow is young until the client has acknowledged the number in the server's SYN-ACK, which
 * nobody else can know. A SYN is always young: it begins a new connection only if the server
 * answers it with a SYN-ACK of another number. So neither a flood of SYNs nor a forged one changes
 * a flow.
 *
 * Counters of a flow without owner are updated atomically, because both directions run on several
 * CPUs. Counters of an owner belong to one CPU and one direction.
 */
#ifndef V2METER_FLOWS_BPF_H
#define V2METER_FLOWS_BPF_H

#include "flow_maps.bpf.h"
#include "parse.bpf.h"

#define TCP_FLAGS    13 /* offset in the header */
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_ACK 0x10

/* One call of a program adds this. */
struct amount {
	__u64 packets;
	__u64 wire_bytes;
	__u64 payload_bytes;
};

/* The bytes of a packet that decide about its flow. All in host byte order. */
struct flow_packet {
	struct v2m_flow_key key;
	__u32 seq;
	__u32 ack;
	__u8 flags; /* of TCP, else 0 */
};

static __always_inline void add_atomically(struct v2m_flow *flow, __u64 packets, __u64 wire_bytes,
					   __u64 payload_bytes)
{
	__sync_fetch_and_add(&flow->packets, packets);
	__sync_fetch_and_add(&flow->wire_bytes, wire_bytes);
	__sync_fetch_and_add(&flow->payload_bytes, payload_bytes);
}

/* Two CPUs may make an entry at once: one of them fails, and both find the same one. */
static __always_inline struct v2m_flow_state *young_flow(const struct v2m_flow_key *key)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&young_flows, key);
	struct v2m_flow_state empty = {};

	if (state)
		return state;
	empty.began_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&young_flows, key, &empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&young_flows, key);
}

/* The server answers a SYN. Its number is new if the connection is. */
static __always_inline struct v2m_flow_state *answered_flow(const struct flow_packet *packet)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&flows, &packet->key);
	__u32 expected = packet->seq + 1;

	if (state && state->expected_ack == expected)
		return state;
	if (state)
		bpf_map_delete_elem(&flows, &packet->key);
	state = young_flow(&packet->key);
	if (state) {
		state->expected_ack = expected;
		state->answered = 1;
	}
	return state;
}

/* The client has completed the handshake. Nothing else counts in the young flow meanwhile: the
 * packets of a handshake follow one another. If flows is full, the flow stays young. */
static __always_inline struct v2m_flow_state *complete_flow(const struct v2m_flow_key *key,
							    struct v2m_flow_state *young)
{
	struct v2m_flow_state copy = *young;
	struct v2m_flow_state *state;

	if (bpf_map_update_elem(&flows, key, &copy, BPF_NOEXIST))
		return young;
	bpf_map_delete_elem(&young_flows, key);
	state = bpf_map_lookup_elem(&flows, key);
	return state;
}

static __always_inline struct v2m_flow_state *find_flow(const struct flow_packet *packet,
							bool egress)
{
	__u8 handshake = packet->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK);
	struct v2m_flow_state *state;

	if (!egress && handshake == TCP_FLAG_SYN)
		return young_flow(&packet->key);
	if (egress && handshake == (TCP_FLAG_SYN | TCP_FLAG_ACK))
		return answered_flow(packet);
	state = bpf_map_lookup_elem(&flows, &packet->key);
	if (state)
		return state;
	state = young_flow(&packet->key);
	if (state && !egress && handshake == TCP_FLAG_ACK && state->answered &&
	    state->expected_ack == packet->ack)
		return complete_flow(&packet->key, state);
	return state;
}

/* Adds the packet to its flow, or to the flow's owner. */
static __always_inline void count_flow(const struct flow_packet *packet, bool egress, __u64 packets,
				       __u64 wire_bytes, __u64 payload_bytes)
{
	struct v2m_flow_state *state = find_flow(packet, egress);
	struct v2m_owner_counters *counters;
	__u32 index;

	if (!state || state->disputed)
		return;
	/* Without an owner the daemon may set one meanwhile. Then it moves these bytes later. */
	index = *(volatile __u32 *)&state->owner;
	if (index == V2M_NO_OWNER) {
		add_atomically(egress ? &state->tx : &state->rx, packets, wire_bytes,
			       payload_bytes);
		return;
	}
	index = v2m_owner_index(bpf_get_smp_processor_id(), egress, index);
	counters = bpf_map_lookup_elem(&owner_counters, &index);
	if (!counters)
		return;
	counters->flow.packets += packets;
	counters->flow.wire_bytes += wire_bytes;
	counters->flow.payload_bytes += payload_bytes;
}

/* Where a packet's headers are: what a global function gets in one number. */
#define PLACE(l3, l4, protocol, ipv6, egress)                                                      \
	((__u64)(l3) << 32 | (__u64)(l4) << 16 | (__u64)(protocol) << 8 | (__u64)(ipv6) << 1 |     \
	 (__u64)(egress))

static __always_inline bool read_remote(struct __sk_buff *skb, __u32 l3, bool ipv6, bool egress,
					__u8 *remote)
{
	__be32 ipv4;

	if (ipv6)
		return !bpf_skb_load_bytes(skb,
					   l3 + (egress ? offsetof(struct ipv6hdr, daddr)
							: offsetof(struct ipv6hdr, saddr)),
					   remote, 16);
	if (bpf_skb_load_bytes(
		    skb,
		    l3 + (egress ? offsetof(struct iphdr, daddr) : offsetof(struct iphdr, saddr)),
		    &ipv4, sizeof(ipv4)))
		return false;
	map_ipv4(remote, ipv4);
	return true;
}

/* Reads what decides about the packet's flow. False if it is cut off. */
static __always_inline bool read_flow_packet(struct __sk_buff *skb, __u32 l4, bool egress,
					     struct flow_packet *packet)
{
	struct tcphdr tcp = {};
	__u16 source;
	__u16 destination;

	if (packet->key.protocol == NEXT_TCP
		    ? bpf_skb_load_bytes(skb, l4, &tcp, sizeof(tcp))
		    : bpf_skb_load_bytes(skb, l4, &tcp, sizeof(tcp.source) * 2))
		return false;
	source = bpf_ntohs(tcp.source);
	destination = bpf_ntohs(tcp.dest);
	packet->key.port = egress ? source : destination;
	packet->key.remote_port = egress ? destination : source;
	packet->seq = bpf_ntohl(tcp.seq);
	packet->ack = bpf_ntohl(tcp.ack_seq);
	packet->flags = ((__u8 *)&tcp)[TCP_FLAGS];
	return true;
}

/* Counts a packet of a shared slot for its flow. place: see PLACE. A global function, so that the
 * verifier walks it once and not for each way that leads here. */
__noinline int count_shared(struct __sk_buff *skb, __u64 place, __u64 packets, __u64 wire_bytes,
			    __u64 payload_bytes)
{
	struct flow_packet packet = { .key.protocol = place >> 8 & 0xff };
	bool egress = place & 1;

	if (!read_remote(skb, place >> 32 & 0xffff, place >> 1 & 1, egress, packet.key.remote) ||
	    !read_flow_packet(skb, place >> 16 & 0xffff, egress, &packet))
		return 0;
	count_flow(&packet, egress, packets, wire_bytes, payload_bytes);
	return 0;
}

#endif
