// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Counts what enters and leaves the monitored ports. One object is loaded per device, with the
 * device's constants in read-only data and the maps shared. docs/counting.md says what is counted.
 *
 * No counter is updated atomically: each belongs to one CPU and one direction, tc runs programs
 * with bottom halves off, so an update is never interrupted by another one of the same counter.
 */
#include <stdbool.h>
#include <stddef.h>

#include "vmlinux.h"
#include "first_fragments.bpf.h"
#include "parse.bpf.h"
#include "ports.bpf.h"
#include "reassembly.bpf.h"

#define BPF_ANY      0
#define BPF_NOEXIST  1
#define VLAN_TAG_LEN 4
#define GO_ON        -1 /* TCX_NEXT and TC_ACT_UNSPEC: the next program decides */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before the object is loaded. */
const volatile struct v2m_device_config device = {};

#include "addresses.bpf.h"
#include "flows.bpf.h"
#include "foreign.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, V2M_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct v2m_device_counters);
} device_counters SEC(".maps");

static __always_inline void add_tally(struct v2m_tally *tally, const struct amount *amount)
{
	tally->packets += amount->packets;
	tally->wire_bytes += amount->wire_bytes;
}

static __always_inline struct v2m_device_flow *device_flow(bool egress)
{
	/* Points to the key. A copy on the stack would be written and read for each packet. */
	struct v2m_device_counters *counters =
		bpf_map_lookup_elem(&device_counters, (const void *)&device.device_slot);

	if (!counters)
		return NULL;
	return egress ? &counters->egress : &counters->ingress;
}

/* A tag in the metadata is not in skb->len. */
static __always_inline __u32 metadata_tag(struct __sk_buff *skb)
{
	return skb->vlan_present * VLAN_TAG_LEN;
}

/* A super-packet counts as the segments that it will be cut into. gso_segs is 0 for packets from a
 * virtual machine's host or a tun writer (SKB_GSO_DODGY), which give only the size of a segment. */
static __always_inline void measure(struct __sk_buff *skb, const struct packet *packet,
				    struct amount *amount)
{
	__u32 tag = metadata_tag(skb);
	__u32 gso_size = skb->gso_size;
	__u32 segments = 1;

	amount->wire_bytes = skb->len - packet->phantom + tag;
	if (gso_size) {
		segments = skb->gso_segs;
		if (!segments)
			segments = (packet->payload_bytes + gso_size - 1) / gso_size;
		if (!segments)
			segments = 1;
		amount->wire_bytes += (__u64)(segments - 1) * (packet->header_len + tag);
	}
	amount->packets = segments;
	amount->payload_bytes = packet->payload_bytes;
}

static __always_inline void measure_whole(struct __sk_buff *skb, const struct packet *packet,
					  struct amount *amount)
{
	amount->packets = 1;
	amount->wire_bytes = skb->len + metadata_tag(skb);
	amount->payload_bytes = packet->payload_bytes;
}

/* NULL if this transport of this port is not counted on this device. *shared: several keys share
 * the slot. */
static __always_inline struct v2m_port_counters *find_counters(__u16 port, __u8 protocol,
							       bool egress, bool *shared)
{
	struct v2m_transport_slot *place;
	struct v2m_port_slot *slot;
	__u32 key = port;

	slot = bpf_map_lookup_elem(&port_slot, &key);
	if (!slot)
		return NULL;
	place = protocol == NEXT_TCP ? &slot->tcp : &slot->udp;
	if (!place->counted || place->loopback != device.loopback)
		return NULL;
	*shared = place->shared;
	key = v2m_counter_index(bpf_get_smp_processor_id(), egress, place->slot);
	return bpf_map_lookup_elem(&port_counters, &key);
}

static __always_inline struct v2m_flow *flow_of(struct v2m_port_counters *counters, __u8 protocol)
{
	return protocol == NEXT_TCP ? &counters->tcp : &counters->udp;
}

static __always_inline __u16 deciding_port(const struct packet *packet, bool egress)
{
	return bpf_ntohs(egress ? packet->source : packet->destination);
}

static __always_inline void add_flow(struct v2m_flow *flow, const struct amount *amount)
{
	flow->packets += amount->packets;
	flow->wire_bytes += amount->wire_bytes;
	flow->payload_bytes += amount->payload_bytes;
}

/* As find_counters(), and NULL if the packet is not of this host. */
static __always_inline struct v2m_port_counters *
find_own_counters(const struct fragment_owner *owner, const struct v2m_fragment_key *identity,
		  bool egress, bool *shared)
{
	struct v2m_port_counters *counters =
		find_counters(owner->port, owner->protocol, egress, shared);

	return counters && is_of_this_host(identity, egress) ? counters : NULL;
}

static __always_inline struct v2m_tally *
count_later_fragment(struct v2m_device_flow *seen, const struct v2m_fragment_key *identity,
		     bool egress, const struct amount *amount)
{
	struct v2m_port_counters *counters;
	struct fragment_owner owner;
	bool shared;

	if (!find_first(identity, &owner))
		return &seen->unattributed;
	counters = owner.protocol ? find_own_counters(&owner, identity, egress, &shared) : NULL;
	if (!counters)
		return &seen->other;
	add_flow(flow_of(counters, owner.protocol), amount);
	return &seen->keys;
}

/* A packet that is not plain, between its parsing and its accounting. It is in a map: the verifier
 * forgets by which of many ways a value got there, and walks the accounting once. Programs on tc
 * run with bottom halves off, so each CPU has one such packet at a time. */
struct parsed {
	struct packet packet;
	struct v2m_fragment_key identity;
	struct v2m_foreign_flow flow; /* for is_parsed_foreign(): the stack has no room */
	__u32 verdict;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct parsed);
} parsed_packets SEC(".maps");

static __always_inline struct parsed *get_parsed(void)
{
	__u32 first = 0;

	return bpf_map_lookup_elem(&parsed_packets, &first);
}

/* Whether the parsed packet, which counts for the slot, is foreign. A global function: the verifier
 * walks it on its own. */
__noinline int is_parsed_foreign(struct __sk_buff *skb, int egress, int slot)
{
	__u32 key = v2m_counter_index(bpf_get_smp_processor_id(), !!egress, slot);
	struct v2m_port_counters *counters = bpf_map_lookup_elem(&port_counters, &key);
	struct parsed *parsed = get_parsed();
	const struct v2m_fragment_key *identity;
	const struct packet *packet;
	struct v2m_foreign_flow *flow;
	__u32 way = egress ? LEAVES : ARRIVES;

	if (!counters || !parsed)
		return false;
	packet = &parsed->packet;
	identity = &parsed->identity;
	flow = &parsed->flow;
	if (egress && packet->protocol == NEXT_UDP)
		way = note_any_peer(skb, packet, identity) ? LEAVES_SERVED : LEAVES_UNSERVED;
	__builtin_memcpy(flow->local, egress ? identity->source : identity->destination, 16);
	__builtin_memcpy(flow->remote, egress ? identity->destination : identity->source, 16);
	flow->port = bpf_ntohs(egress ? packet->source : packet->destination);
	flow->remote_port = bpf_ntohs(egress ? packet->destination : packet->source);
	flow->protocol = packet->protocol;
	return is_foreign(skb, flow, counters, packet->flags, way);
}

/* Packets with ports, first fragments included. */
static __always_inline struct v2m_tally *count_any_ports(struct __sk_buff *skb,
							 struct v2m_device_flow *seen, bool egress,
							 const struct packet *packet,
							 const struct v2m_fragment_key *identity,
							 const struct amount *amount, bool fragment)
{
	struct fragment_owner owner = { .port = deciding_port(packet, egress),
					.protocol = packet->protocol };
	bool shared = false;
	struct v2m_port_counters *counters = find_own_counters(&owner, identity, egress, &shared);
	bool foreign = counters && (egress || counters->tx & V2M_HAS_FOREIGN) &&
		       is_parsed_foreign(skb, egress, counters->slot);

	if (foreign)
		owner.protocol = 0;
	/* If the same first fragment is seen again, it writes the same owner, in any order. */
	if (fragment)
		remember_first(identity, &owner, true);
	if (foreign)
		return &seen->foreign;
	if (!counters)
		return &seen->other;
	add_flow(flow_of(counters, packet->protocol), amount);
	if (shared)
		count_any_shared(packet, identity, egress, amount);
	return &seen->keys;
}

static __always_inline struct v2m_tally *account(struct __sk_buff *skb, const struct parsed *parsed,
						 struct v2m_device_flow *seen, bool egress,
						 struct amount *amount)
{
	const struct v2m_fragment_key *identity = &parsed->identity;
	const struct packet *packet = &parsed->packet;
	struct v2m_reassembly_scope *scope = NULL;
	enum verdict verdict = parsed->verdict;
	struct fragment_owner none = {};
	struct v2m_tally *tally;
	bool watched;

	if (verdict == PORTS || verdict == FIRST_FRAGMENT)
		measure(skb, packet, amount);
	else
		measure_whole(skb, packet, amount);
	if (verdict == TOO_DEEP)
		return &seen->too_deep;
	/* Does not replace an entry with ports, because Linux may have accepted that fragment
	 * first. */
	if (verdict == FIRST_OF_OTHER)
		remember_first(identity, &none, false);
	if (!egress && verdict != PORTS && verdict != OTHER)
		scope = find_reassembly_scope();
	watched = is_watched(skb, scope);
	/* virtio-net leaves all but Ethernet's header of a long packet in pages, which the programs
	 * that watch cannot read. This moves the headers; the packet stays the same. */
	if (watched && verdict != LATER_FRAGMENT)
		bpf_skb_pull_data(skb, packet->header_len);
	if (verdict == OTHER || verdict == FIRST_OF_OTHER)
		return &seen->other;
	if (watched)
		return &seen->fragments;
	if (verdict == LATER_FRAGMENT)
		tally = count_later_fragment(seen, identity, egress, amount);
	else
		tally = count_any_ports(skb, seen, egress, packet, identity, amount,
					verdict == FIRST_FRAGMENT);
	if (scope && tally == &seen->keys)
		__sync_fetch_and_add(&scope->guessed, 1);
	return tally;
}

/* A global function: the verifier walks it on its own. */
__noinline int count_parsed(struct __sk_buff *skb, int egress)
{
	struct v2m_device_flow *seen = device_flow(egress);
	const struct parsed *parsed = get_parsed();
	struct v2m_tally *tally;
	struct amount amount;

	if (!seen || !parsed)
		return GO_ON;
	tally = account(skb, parsed, seen, egress, &amount);
	add_tally(tally, &amount);
	add_tally(&seen->seen, &amount);
	return GO_ON;
}

/* Not inlined, so that the code for plain packets stays short, and so that its stack and that of
 * count_parsed() are not in use at once. */
static __noinline int parse_slowly(struct __sk_buff *skb, bool egress)
{
	struct parsed *parsed = get_parsed();

	if (!parsed)
		return 0;
	__builtin_memset(parsed, 0, sizeof(*parsed));
	parsed->identity.egress = egress;
	parsed->verdict = parse_any(skb, device.link_header, &parsed->packet, &parsed->identity);
	return GO_ON;
}

/* One after the other, so that only one of them has its part of the stack. */
static __always_inline int count_slowly(struct __sk_buff *skb, bool egress)
{
	parse_slowly(skb, egress);
	return count_parsed(skb, egress);
}

/* If the packet is not a super-packet, only its length is needed. */
static __always_inline void count_other(struct __sk_buff *skb, bool egress)
{
	struct v2m_device_flow *seen = device_flow(egress);
	struct amount amount = { .packets = 1, .wire_bytes = skb->len + metadata_tag(skb) };

	if (!seen)
		return;
	add_tally(&seen->seen, &amount);
	add_tally(&seen->other, &amount);
}

/* The protocol is a constant. */
static __always_inline int count_ports(struct __sk_buff *skb, bool egress,
				       const struct plain *plain, const __u8 protocol,
				       const bool ipv6)
{
	struct udphdr *ports = plain->l4;
	struct v2m_port_counters *counters;
	struct v2m_device_flow *seen;
	struct packet packet = {};
	struct amount amount;
	bool shared = false;

	counters = find_counters(bpf_ntohs(egress ? ports->source : ports->dest), protocol, egress,
				 &shared);
	if (counters && (device.host_only || device.forwards) && !is_own(plain, egress, ipv6))
		counters = NULL;
	if (!counters && !skb->gso_size) {
		count_other(skb, egress);
		return GO_ON;
	}
	if (!counters || !parse_plain(skb, plain, protocol, &packet) ||
	    is_suspect(skb, plain, &packet, counters, protocol, ipv6, egress))
		return count_slowly(skb, egress);
	measure(skb, &packet, &amount);
	seen = device_flow(egress);
	if (!seen)
		return GO_ON;
	add_tally(&seen->seen, &amount);
	add_flow(flow_of(counters, protocol), &amount);
	add_tally(&seen->keys, &amount);
	if (shared)
		count_plain_shared(skb, plain, protocol, ipv6, egress, &amount);
	return GO_ON;
}

static __always_inline int count_plain(struct __sk_buff *skb, bool egress,
				       const struct plain *plain, const bool ipv6)
{
	if (plain->protocol == NEXT_TCP)
		return count_ports(skb, egress, plain, NEXT_TCP, ipv6);
	if (plain->protocol == NEXT_UDP)
		return count_ports(skb, egress, plain, NEXT_UDP, ipv6);
	if (ipv6 && is_extension(plain->protocol))
		return count_slowly(skb, egress);
	count_other(skb, egress);
	return GO_ON;
}

static __always_inline int count_rest(struct __sk_buff *skb, bool egress, const __u32 link_header)
{
	if (!is_stranger(skb, link_header))
		return count_slowly(skb, egress);
	count_other(skb, egress);
	return GO_ON;
}

/* A copy for each version of IP, so that the offsets are constants in both. */
static __always_inline int count(struct __sk_buff *skb, bool egress, const __u32 link_header)
{
	struct plain plain;

	if (find_plain_ipv4(skb, link_header, &plain))
		return count_plain(skb, egress, &plain, false);
	if (find_plain_ipv6(skb, link_header, &plain))
		return count_plain(skb, egress, &plain, true);
	return count_rest(skb, egress, link_header);
}

static __always_inline int count_ethernet(struct __sk_buff *skb, bool egress)
{
	struct plain plain;

	if (find_plain_ipv4(skb, ETHERNET_HEADER, &plain))
		return count_plain(skb, egress, &plain, false);
	if (find_plain_ipv6(skb, ETHERNET_HEADER, &plain))
		return count_plain(skb, egress, &plain, true);
	if (has_tag(skb))
		return count(skb, egress, TAGGED_HEADER);
	return count_rest(skb, egress, ETHERNET_HEADER);
}

/* Two copies with constant offsets. The verifier knows the read-only data and drops the copy that
 * this device does not use. */
static __always_inline int count_by_link(struct __sk_buff *skb, bool egress)
{
	return device.link_header ? count_ethernet(skb, egress) : count(skb, egress, 0);
}

SEC("tc")
int v2m_ingress(struct __sk_buff *skb)
{
	return count_by_link(skb, false);
}

SEC("tc")
int v2m_egress(struct __sk_buff *skb)
{
	return count_by_link(skb, true);
}
