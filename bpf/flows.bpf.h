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

/* Reads the bytes of TCP that decide about a connection. False if they are cut off. */
static __always_inline bool read_handshake(struct __sk_buff *skb, __u32 l4,
					   struct flow_packet *of_flow)
{
	struct tcphdr tcp;

	if (bpf_skb_load_bytes(skb, l4, &tcp, sizeof(tcp)))
		return false;
	of_flow->seq = bpf_ntohl(tcp.seq);
	of_flow->ack = bpf_ntohl(tcp.ack_seq);
	of_flow->flags = ((__u8 *)&tcp)[TCP_FLAGS];
	return true;
}

/* Counts a packet of a shared slot for its flow. */
static __noinline int count_for_flow(struct __sk_buff *skb, bool egress,
				     struct flow_packet *of_flow, __u32 l4,
				     const struct amount *amount)
{
	if (!of_flow || !amount)
		return 0;
	if (of_flow->key.protocol == NEXT_TCP && !read_handshake(skb, l4, of_flow))
		return 0;
	count_flow(of_flow, egress, amount->packets, amount->wire_bytes, amount->payload_bytes);
	return 0;
}

/* The same for a packet that needed parse_any(). */
static __always_inline void count_any_flow(struct __sk_buff *skb, bool egress,
					   const struct packet *packet,
					   const struct v2m_fragment_key *identity,
					   const struct amount *amount)
{
	struct flow_packet of_flow = { .key.protocol = packet->protocol };

	__builtin_memcpy(of_flow.key.remote, egress ? identity->destination : identity->source,
			 sizeof(of_flow.key.remote));
	of_flow.key.port = bpf_ntohs(egress ? packet->source : packet->destination);
	of_flow.key.remote_port = bpf_ntohs(egress ? packet->destination : packet->source);
	count_for_flow(skb, egress, &of_flow, packet->l4, amount);
}

static __always_inline void count_plain_flow(struct __sk_buff *skb, bool egress,
					     const struct plain *plain, const __u8 protocol,
					     const bool ipv6, const struct amount *amount)
{
	const void *remote = egress ? plain->destination : plain->source;
	struct flow_packet of_flow = { .key.protocol = protocol };
	struct udphdr *ports = plain->l4;

	if (ipv6)
		__builtin_memcpy(of_flow.key.remote, remote, 16);
	else
		map_ipv4(of_flow.key.remote, *(__be32 *)remote);
	of_flow.key.port = bpf_ntohs(egress ? ports->source : ports->dest);
	of_flow.key.remote_port = bpf_ntohs(egress ? ports->dest : ports->source);
	count_for_flow(skb, egress, &of_flow, plain->offset, amount);
}

#endif
