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
	struct v2m_flow_key key;
	__u32 seq;
	__u32 ack;
	__u8 flags; /* of TCP, else 0 */
};

static __always_inline void add_atomically(struct v2m_flow *flow, const struct amount *amount)
{
	__sync_fetch_and_add(&flow->packets, amount->packets);
	__sync_fetch_and_add(&flow->wire_bytes, amount->wire_bytes);
	__sync_fetch_and_add(&flow->payload_bytes, amount->payload_bytes);
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
	__u8 handshake = packet->flags & (TCP_SYN | TCP_ACK);
	struct v2m_flow_state *state;

	if (!egress && handshake == TCP_SYN)
		return young_flow(&packet->key);
	if (egress && handshake == (TCP_SYN | TCP_ACK))
		return answered_flow(packet);
	state = bpf_map_lookup_elem(&flows, &packet->key);
	if (state)
		return state;
	state = young_flow(&packet->key);
	if (state && !egress && handshake == TCP_ACK && state->answered &&
	    state->expected_ack == packet->ack)
		return complete_flow(&packet->key, state);
	return state;
}

/* Adds the packet to its flow, or to the flow's owner. */
static __always_inline void count_flow(const struct flow_packet *packet, bool egress,
				       const struct amount *amount)
{
	struct v2m_flow_state *state = find_flow(packet, egress);
	struct v2m_owner_counters *counters;
	__u32 index;

	if (!state || state->disputed)
		return;
	/* Without an owner the daemon may set one meanwhile. Then it moves these bytes later. */
	index = *(volatile __u32 *)&state->owner;
	if (index == V2M_NO_OWNER) {
		add_atomically(egress ? &state->tx : &state->rx, amount);
		return;
	}
	index = v2m_owner_index(bpf_get_smp_processor_id(), egress, index);
	counters = bpf_map_lookup_elem(&owner_counters, &index);
	if (!counters)
		return;
	counters->flow.packets += amount->packets;
	counters->flow.wire_bytes += amount->wire_bytes;
	counters->flow.payload_bytes += amount->payload_bytes;
}

/* A packet of a shared slot on its way to count_shared(). Programs on tc run with bottom halves
 * off, so each CPU has one such packet at a time. */
struct shared_packet {
	struct flow_packet packet;
	struct amount amount;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shared_packet);
} shared_packets SEC(".maps");

static __always_inline struct shared_packet *get_shared_packet(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&shared_packets, &first);
}

/* Counts the shared packet of this CPU for its flow. A global function, and the packet is in a map,
 * so that the verifier walks it once and not for each way that leads here. */
__noinline int count_shared(int egress)
{
	struct shared_packet *shared = get_shared_packet();

	if (shared)
		count_flow(&shared->packet, egress, &shared->amount);
	return 0;
}

/* The ports are in network byte order. */
static __always_inline void set_flow_ports(struct v2m_flow_key *key, __be16 source,
					   __be16 destination, bool egress)
{
	key->port = bpf_ntohs(egress ? source : destination);
	key->remote_port = bpf_ntohs(egress ? destination : source);
}

static __always_inline void count_plain_shared(struct __sk_buff *skb, const struct plain *plain,
					       const __u8 protocol, const bool ipv6, bool egress,
					       const struct amount *amount)
{
	const void *remote = egress ? plain->destination : plain->source;
	struct shared_packet *shared = get_shared_packet();
	const struct tcphdr *tcp = plain->l4;

	if (!shared)
		return;
	__builtin_memset(&shared->packet, 0, sizeof(shared->packet));
	if (ipv6)
		__builtin_memcpy(shared->packet.key.remote, remote, 16);
	else
		map_ipv4(shared->packet.key.remote, *(const __be32 *)remote);
	set_flow_ports(&shared->packet.key, tcp->source, tcp->dest, egress);
	shared->packet.key.protocol = protocol;
	if (protocol == NEXT_TCP) {
		/* The verifier does not remember that parse_plain() has compared this. */
		if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
			return;
		shared->packet.seq = bpf_ntohl(tcp->seq);
		shared->packet.ack = bpf_ntohl(tcp->ack_seq);
		shared->packet.flags = ((const __u8 *)tcp)[TCP_FLAGS];
	}
	shared->amount = *amount;
	count_shared(egress);
}

/* A later fragment has no flow, because it does not name the remote port. */
static __always_inline void count_any_shared(const struct packet *packet,
					     const struct v2m_fragment_key *identity, bool egress,
					     const struct amount *amount)
{
	struct shared_packet *shared = get_shared_packet();

	if (!shared)
		return;
	__builtin_memset(&shared->packet, 0, sizeof(shared->packet));
	__builtin_memcpy(shared->packet.key.remote,
			 egress ? identity->destination : identity->source, 16);
	set_flow_ports(&shared->packet.key, packet->source, packet->destination, egress);
	shared->packet.key.protocol = packet->protocol;
	shared->packet.seq = bpf_ntohl(packet->seq);
	shared->packet.ack = bpf_ntohl(packet->ack);
	shared->packet.flags = packet->flags;
	shared->amount = *amount;
	count_shared(egress);
}

#endif
