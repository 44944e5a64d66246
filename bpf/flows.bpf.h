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

/* One call of a program adds this. */
struct amount {
	__u64 packets;
	__u64 wire_bytes;
	__u64 payload_bytes;
};

/* The bytes of a packet that decide about its flow. All in host byte order. */
struct flow_packet {
	union {
		struct v2m_flow_key key;
		__u32 words[sizeof(struct v2m_flow_key) / sizeof(__u32)];
	};
	__u32 seq;
	__u32 ack;
	__u32 flags; /* of TCP, else 0 */
};

/* The ports are in network byte order. */
static __always_inline void set_flow_ports(struct flow_packet *packet, __be16 source,
					   __be16 destination, bool egress)
{
	packet->words[4] = egress ? two_ports(source, destination) : two_ports(destination, source);
}

static __always_inline void set_flow_protocol(struct flow_packet *packet, __u8 protocol)
{
	packet->words[5] = bpf_htonl((__u32)protocol << 24);
}

static __always_inline void add_atomically(struct v2m_flow *flow, const struct amount *amount)
{
	__sync_fetch_and_add(&flow->packets, amount->packets);
	__sync_fetch_and_add(&flow->wire_bytes, amount->wire_bytes);
	__sync_fetch_and_add(&flow->payload_bytes, amount->payload_bytes);
}

/* A SYN may begin a connection, so it is not of the one that has left the young flows. Two CPUs may
 * make an entry at once: one of them fails, and both find the same one. */
static __always_inline struct v2m_flow_state *young_flow(const struct v2m_flow_key *key)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&young_flows, key);
	struct v2m_flow_state empty = {};

	if (state && !state->left)
		return state;
	if (state)
		bpf_map_delete_elem(&young_flows, key);
	empty.began_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&young_flows, key, &empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&young_flows, key);
}

/* Call it if flows has no entry. If another CPU has made one meanwhile, finds that. */
static __always_inline struct v2m_flow_state *unfinished_flow(const struct v2m_flow_key *key)
{
	struct v2m_flow_state *state = bpf_map_lookup_elem(&young_flows, key);

	if (state && state->left)
		state = bpf_map_lookup_elem(&flows, key);
	return state ? state : young_flow(key);
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
	state = unfinished_flow(&packet->key);
	if (state) {
		state->expected_ack = expected;
		state->answered = 1;
	}
	return state;
}

static __always_inline void subtract_atomically(struct v2m_flow *flow, const struct v2m_flow *less)
{
	const struct amount amount = { -less->packets, -less->wire_bytes, -less->payload_bytes };

	add_atomically(flow, &amount);
}

/* The client has completed the handshake. Another CPU may have found the young flow before, and add
 * to it after the copy. So the young flow stays, less the copy, and the label moves the rest of it.
 * Another CPU may also complete the same flow: one of them makes the entry, and both find it. If
 * flows is full, the flow stays young. */
static __always_inline struct v2m_flow_state *complete_flow(const struct v2m_flow_key *key,
							    struct v2m_flow_state *young)
{
	struct v2m_flow_state copy = *young;
	struct v2m_flow_state *state;

	copy.left = 0;
	if (bpf_map_update_elem(&flows, key, &copy, BPF_NOEXIST)) {
		state = bpf_map_lookup_elem(&flows, key);
		return state ? state : young;
	}
	subtract_atomically(&young->rx, &copy.rx);
	subtract_atomically(&young->tx, &copy.tx);
	young->left = 1;
	return bpf_map_lookup_elem(&flows, key);
}

static __always_inline struct v2m_flow_state *find_flow(const struct flow_packet *packet,
							bool egress)
{
	__u32 handshake = packet->flags & (TCP_SYN | TCP_ACK);
	struct v2m_flow_state *state;

	if (!egress && handshake == TCP_SYN)
		return young_flow(&packet->key);
	if (egress && handshake == (TCP_SYN | TCP_ACK))
		return answered_flow(packet);
	state = bpf_map_lookup_elem(&flows, &packet->key);
	if (state)
		return state;
	state = unfinished_flow(&packet->key);
	if (state && !egress && handshake == TCP_ACK && state->answered &&
	    state->expected_ack == packet->ack)
		return complete_flow(&packet->key, state);
	return state;
}

static __always_inline void add_to_owner(__u32 owner, bool egress, const struct amount *amount)
{
	__u32 index = v2m_owner_index(device.owners, bpf_get_smp_processor_id(), egress, owner);
	struct v2m_owner_counters *counters = bpf_map_lookup_elem(&owner_counters, &index);

	if (!counters)
		return;
	counters->flow.packets += amount->packets;
	counters->flow.wire_bytes += amount->wire_bytes;
	counters->flow.payload_bytes += amount->payload_bytes;
}

/* Adds the packet to its flow, or to the flow's owner. Not inlined, so that the code for other
 * packets stays short. */
static __noinline int count_flow(const struct flow_packet *packet, bool egress,
				 const struct amount *amount)
{
	struct v2m_flow_state *state = find_flow(packet, egress);
	__u32 owner;

	if (!state || state->disputed)
		return 0;
	/* Without an owner the daemon may set one meanwhile. Then it moves these bytes later. */
	owner = *(volatile __u32 *)&state->owner;
	if (owner == V2M_NO_OWNER)
		add_atomically(egress ? &state->tx : &state->rx, amount);
	else
		add_to_owner(owner, egress, amount);
	return 0;
}

/* Nearly all packets are of flows that have an owner, so these are counted here: the call costs
 * some 8 ns. */
static __always_inline void count_shared(const struct flow_packet *packet, bool egress,
					 const struct amount *amount)
{
	struct v2m_flow_state *state = NULL;
	__u32 owner = V2M_NO_OWNER;

	if (!(packet->flags & TCP_SYN))
		state = bpf_map_lookup_elem(&flows, &packet->key);
	if (state && !state->disputed)
		owner = *(volatile __u32 *)&state->owner;
	if (owner == V2M_NO_OWNER)
		count_flow(packet, egress, amount);
	else
		add_to_owner(owner, egress, amount);
}

static __always_inline void count_plain_shared(struct __sk_buff *skb, const struct plain *plain,
					       const __u8 protocol, const bool ipv6, bool egress,
					       const struct amount *amount)
{
	const void *remote = egress ? plain->destination : plain->source;
	const struct tcphdr *tcp = plain->l4;
	struct flow_packet packet;

	if (ipv6)
		copy_ipv6(packet.words, remote);
	else
		map_ipv4(packet.words, *(const __be32 *)remote);
	set_flow_ports(&packet, tcp->source, tcp->dest, egress);
	set_flow_protocol(&packet, protocol);
	packet.seq = 0;
	packet.ack = 0;
	packet.flags = 0;
	if (protocol == NEXT_TCP) {
		/* The verifier does not remember that parse_plain() has compared this. */
		if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
			return;
		packet.seq = bpf_ntohl(tcp->seq);
		packet.ack = bpf_ntohl(tcp->ack_seq);
		packet.flags = ((const __u8 *)tcp)[TCP_FLAGS];
	}
	count_shared(&packet, egress, amount);
}

/* A later fragment has no flow, because it does not name the remote port. */
static __always_inline void count_any_shared(const struct packet *any,
					     const struct v2m_fragment_key *identity, bool egress,
					     const struct amount *amount)
{
	struct flow_packet packet;

	copy_ipv6(packet.words, (const __u32 *)(egress ? identity->destination : identity->source));
	set_flow_ports(&packet, any->source, any->destination, egress);
	set_flow_protocol(&packet, any->protocol);
	packet.seq = bpf_ntohl(any->seq);
	packet.ack = bpf_ntohl(any->ack);
	packet.flags = any->flags;
	count_shared(&packet, egress, amount);
}

#endif
