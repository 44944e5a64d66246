/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Notes to which peers a port has sent datagrams. Include it behind "device". */
#ifndef V2METER_PEERS_BPF_H
#define V2METER_PEERS_BPF_H

#include "origin.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, V2M_MAX_UDP_PEERS);
	__type(key, struct v2m_udp_peer);
	__type(value, struct v2m_udp_seen);
} udp_peers SEC(".maps");

/*
 * The peers to which a CPU has sent datagrams, one peer for each hash. A look-up here costs a few
 * ns, one in udp_peers some 45. Each device has its own map, and nobody reads it from outside.
 */
#define RECENT_PEERS_BITS 10
struct recent_peer {
	struct v2m_udp_peer peer;
	__u64 jiffies; /* of the peer's entry in udp_peers */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1 << RECENT_PEERS_BITS);
	__type(key, __u32);
	__type(value, struct recent_peer);
} recent_peers SEC(".maps");

/* Several CPUs may send to one peer at once. They write the same moment, and each entry is written
 * rarely. Returns the jiffies of the entry after that, or 0 if no socket that serves the port sends
 * this. */
static __noinline __u64 remember_peer(struct __sk_buff *skb, const struct v2m_udp_peer *peer)
{
	struct v2m_udp_seen now = { .jiffies = bpf_jiffies64() };
	struct v2m_udp_seen *seen = bpf_map_lookup_elem(&udp_peers, peer);
	struct bpf_sock *socket = skb->sk;

	if (seen && now.jiffies - seen->jiffies < V2M_UDP_SEEN_JIFFIES)
		return seen->jiffies;
	if (socket ? is_unbound(socket) : device.forwards && goes_forth(skb))
		return 0;
	now.at_ns = bpf_ktime_get_ns();
	/* If it cannot be written, the next packet tries again. */
	if (bpf_map_update_elem(&udp_peers, peer, &now, BPF_ANY))
		return now.jiffies - V2M_UDP_SEEN_JIFFIES;
	return now.jiffies;
}

#define PEER_WORDS (sizeof(struct v2m_udp_peer) / sizeof(__u32))

static __always_inline __u32 recent_peer_index(const __u32 *peer)
{
	__u32 mixed = 0;

	for (unsigned i = 0; i < PEER_WORDS; i++)
		mixed ^= peer[i];
	return mixed * 0x9e3779b1u >> (32 - RECENT_PEERS_BITS);
}

static __always_inline bool is_same_peer(const __u32 *one, const __u32 *other)
{
	__u32 difference = 0;

	for (unsigned i = 0; i < PEER_WORDS; i++)
		difference |= one[i] ^ other[i];
	return !difference;
}

/* False if no socket that serves the port sends this. */
static __always_inline bool note_peer(struct __sk_buff *skb, const struct v2m_udp_peer *peer)
{
	__u32 index = recent_peer_index((const void *)peer);
	struct recent_peer *recent = bpf_map_lookup_elem(&recent_peers, &index);
	__u64 jiffies;

	if (!recent || (bpf_jiffies64() - recent->jiffies < V2M_UDP_SEEN_JIFFIES &&
			is_same_peer((const void *)&recent->peer, (const void *)peer)))
		return true;
	jiffies = remember_peer(skb, peer);
	if (!jiffies)
		return false;
	recent->peer = *peer;
	recent->jiffies = jiffies;
	return true;
}

static __always_inline bool note_plain_peer(struct __sk_buff *skb, const struct plain *plain,
					    const struct udphdr *ports, const bool ipv6)
{
	union {
		struct v2m_udp_peer peer;
		__u32 words[PEER_WORDS];
	} made;

	if (ipv6)
		copy_ipv6(made.words, plain->destination);
	else
		map_ipv4(made.words, *(const __be32 *)plain->destination);
	made.words[4] = two_ports(ports->source, ports->dest);
	return note_peer(skb, &made.peer);
}

static __always_inline bool note_any_peer(struct __sk_buff *skb, const struct packet *packet,
					  const struct v2m_fragment_key *identity)
{
	struct v2m_udp_peer peer = { .port = bpf_ntohs(packet->source),
				     .remote_port = bpf_ntohs(packet->destination) };

	__builtin_memcpy(peer.address, identity->destination, sizeof(peer.address));
	return note_peer(skb, &peer);
}

#endif
