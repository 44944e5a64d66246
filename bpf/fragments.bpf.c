// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Watches Linux put fragments together, and counts a datagram for its port when it is complete. So
 * a fragment belongs to the datagram that is delivered, in whatever order its fragments come, and a
 * fragment that Linux drops (a duplicate, an overlap) belongs to no port. IPv4 and IPv6 pass the
 * same three functions. The programs on tc count each fragment that arrives for its device alone.
 *
 * The functions run with bottom halves off, as tc does. So counters of ports have one writer for
 * each CPU and direction here too.
 */
#include <stdbool.h>

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "ports.bpf.h"
#include "reassembly.bpf.h"
#include "v2meter/bpf_abi.h"

#define BPF_ANY          0
#define ETH_P_IP         0x0800
#define NO_MAC_HEADER    0xffff
#define VLAN_TAG_LEN     4
#define MAX_EXTENSIONS   64
#define IPV6_HEADER      40
#define FRAGMENT_HEADER  8
#define PORTS_NEED       8
#define UDP_HEADER       8
#define TCP_HEADER_MIN   20
#define NEXT_HOP_BY_HOP  0
#define NEXT_TCP         6
#define NEXT_UDP         17
#define NEXT_ROUTING     43
#define NEXT_AH          51
#define NEXT_DESTINATION 60

/* enum ip_defrag_users, enum ip6_defrag_users: who asked for the datagram. Connection tracking has
 * a range, one for each zone. */
#define LOCAL_DELIVER      0
#define IPV4_CONNTRACK_IN  2
#define IPV6_CONNTRACK_IN  1
#define CONNTRACK_IN_ZONES 0xffff

/* The kernel's own types, with the members that are read here; CO-RE finds their offsets. */
#define RELOCATED __attribute__((preserve_access_index))
struct frag_v4_compare_key {
	__u32 user;
} RELOCATED;

struct frag_v6_compare_key {
	__u32 user;
} RELOCATED;

struct fqdir {
	struct net *net;
} RELOCATED;

struct inet_frag_queue {
	union {
		struct frag_v4_compare_key v4;
		struct frag_v6_compare_key v6;
	} key;
	struct fqdir *fqdir;
} RELOCATED;

struct sk_buff {
	unsigned int len;
	unsigned int data_len;
	unsigned char *head;
	unsigned char *data;
	int skb_iif;
	__be16 protocol;
	__u16 network_header;
	__u16 mac_header;
} RELOCATED;

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before the object is loaded. */
const volatile __u32 generation = 0;

/* The bytes of a fragment that the program reads, and where they are. */
struct fragment {
	const unsigned char *l3;
	const unsigned char *l4; /* behind the IP header, or IPv6's fragment header */
	__u32 linear;            /* bytes that can be read there */
	__u32 l4_bytes;
	__u32 wire_bytes;
	bool ipv6;
};

/* NULL: another generation of these programs is in use. */
static __always_inline struct v2m_reassembly_scope *active_scope(void)
{
	struct v2m_reassembly_scope *scope = find_reassembly_scope();

	return scope && scope->generation == generation ? scope : NULL;
}

static __always_inline bool in_scope(struct inet_frag_queue *queue,
				     const struct v2m_reassembly_scope *scope, bool ipv6)
{
	__u32 user = ipv6 ? queue->key.v6.user : queue->key.v4.user;
	__u32 conntrack = ipv6 ? IPV6_CONNTRACK_IN : IPV4_CONNTRACK_IN;

	if (queue->fqdir->net->ns.inum != scope->netns)
		return false;
	return user == LOCAL_DELIVER ||
	       (user >= conntrack && user <= conntrack + CONNTRACK_IN_ZONES);
}

/* The kernel has cut off padding and what is behind a multiple of 8 bytes, so the length is the IP
 * header's. */
static __always_inline void read_fragment(struct sk_buff *skb, const __u32 l4_bytes,
					  const struct v2m_reassembly_device *device,
					  struct fragment *fragment)
{
	__u16 mac_header = skb->mac_header;
	__u16 network_header = skb->network_header;
	__be16 length = 0;

	fragment->l3 = skb->head + network_header;
	fragment->l4 = skb->data;
	fragment->linear = skb->len - skb->data_len;
	fragment->l4_bytes = l4_bytes;
	bpf_probe_read_kernel(&length, sizeof(length), fragment->l3 + (fragment->ipv6 ? 4 : 2));
	fragment->wire_bytes = bpf_ntohs(length) + (fragment->ipv6 ? IPV6_HEADER : 0) +
			       device->tags * VLAN_TAG_LEN;
	if (mac_header != NO_MAC_HEADER && mac_header < network_header)
		fragment->wire_bytes += network_header - mac_header;
}

static __always_inline bool is_extension(__u8 next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION ||
	       next == NEXT_AH;
}

/* Walks IPv6's headers behind the fragment header. at: bytes before layer 4. */
static __always_inline __u8 find_layer4(const struct fragment *fragment, __u32 *at)
{
	__u8 header[2] = {};
	__u8 next = 0;

	if (!fragment->ipv6) {
		bpf_probe_read_kernel(&next, sizeof(next), fragment->l3 + 9);
		return next;
	}
	bpf_probe_read_kernel(&next, sizeof(next), fragment->l4 - FRAGMENT_HEADER);
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(next); i++) {
		if (*at + sizeof(header) > fragment->linear)
			return next;
		bpf_probe_read_kernel(header, sizeof(header), fragment->l4 + *at);
		*at += next == NEXT_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
		next = header[0];
	}
	return next;
}

static __always_inline void read_addresses(const struct fragment *fragment,
					   struct v2m_foreign_flow *flow)
{
	if (fragment->ipv6) {
		bpf_probe_read_kernel(flow->remote, 16, fragment->l3 + 8);
		bpf_probe_read_kernel(flow->local, 16, fragment->l3 + 24);
		return;
	}
	flow->remote[10] = flow->local[10] = 0xff;
	flow->remote[11] = flow->local[11] = 0xff;
	bpf_probe_read_kernel(flow->remote + 12, 4, fragment->l3 + 12);
	bpf_probe_read_kernel(flow->local + 12, 4, fragment->l3 + 16);
}

/* Reads from the first fragment whose the datagram is. False: it cannot be told. */
static __always_inline bool read_first(const struct fragment *fragment,
				       const struct v2m_reassembly_device *device,
				       struct v2m_reassembly *datagram)
{
	__u32 at = 0;
	__u8 protocol = find_layer4(fragment, &at);
	__be16 ports[2] = {};
	__u8 length = TCP_HEADER_MIN / 4 << 4;

	if (protocol != NEXT_TCP && protocol != NEXT_UDP)
		return !is_extension(protocol);
	if (at + PORTS_NEED > fragment->linear)
		return false;
	bpf_probe_read_kernel(ports, sizeof(ports), fragment->l4 + at);
	datagram->flow.remote_port = bpf_ntohs(ports[0]);
	datagram->flow.port = bpf_ntohs(ports[1]);
	datagram->flow.protocol = protocol;
	datagram->loopback = device->loopback;
	datagram->host_only = device->host_only;
	datagram->forwards = device->forwards;
	datagram->headers = at + UDP_HEADER;
	if (protocol == NEXT_TCP) {
		if (at + TCP_HEADER_MIN <= fragment->linear)
			bpf_probe_read_kernel(&length, sizeof(length), fragment->l4 + at + 12);
		datagram->headers = at + (length >> 4) * 4;
	}
	read_addresses(fragment, &datagram->flow);
	return true;
}

static __always_inline struct v2m_reassembly *find_datagram(__u64 key)
{
	static const struct v2m_reassembly fresh = {};
	struct v2m_reassembly *known = bpf_map_lookup_elem(&reassemblies, &key);

	if (known)
		return known;
	if (bpf_map_update_elem(&reassemblies, &key, &fresh, BPF_ANY))
		return NULL;
	return bpf_map_lookup_elem(&reassemblies, &key);
}

/* The queue is locked, so nobody else adds to its datagram. */
SEC("fexit/inet_frag_queue_insert")
int BPF_PROG(v2m_fragment_queued, struct inet_frag_queue *queue, struct sk_buff *skb, int offset,
	     int end, int result)
{
	struct fragment fragment = { .ipv6 = skb->protocol != bpf_htons(ETH_P_IP) };
	struct v2m_reassembly_scope *scope = active_scope();
	struct v2m_reassembly_device *device;
	struct v2m_reassembly *datagram;
	__u32 ifindex = skb->skb_iif;

	(void)ctx;
	if (result || !scope || !in_scope(queue, scope, fragment.ipv6))
		return 0;
	device = bpf_map_lookup_elem(&reassembly_devices, &ifindex);
	if (!device)
		return 0;
	datagram = find_datagram((__u64)queue);
	if (!datagram) {
		__sync_fetch_and_add(&scope->lost, 1);
		return 0;
	}
	/* The programs that are being replaced may have counted it. */
	if (datagram->last_skb == (__u64)skb)
		return 0;
	datagram->last_skb = (__u64)skb;
	read_fragment(skb, end - offset, device, &fragment);
	if (offset == 0 && !read_first(&fragment, device, datagram))
		__sync_fetch_and_add(&scope->lost, 1);
	datagram->packets++;
	datagram->wire_bytes += fragment.wire_bytes;
	datagram->l4_bytes += fragment.l4_bytes;
	return 0;
}

/* NULL if nobody asked for this transport of this port on this device. */
static __always_inline struct v2m_port_counters *
find_counters(const struct v2m_reassembly *datagram)
{
	struct v2m_transport_slot *place;
	__u32 key = datagram->flow.port;
	struct v2m_port_slot *slot = bpf_map_lookup_elem(&port_slot, &key);

	if (!slot)
		return NULL;
	place = datagram->flow.protocol == NEXT_TCP ? &slot->tcp : &slot->udp;
	if (!place->counted || place->loopback != datagram->loopback)
		return NULL;
	key = v2m_counter_index(bpf_get_smp_processor_id(), 0, place->slot);
	return bpf_map_lookup_elem(&port_counters, &key);
}

/* As is_listed() of the programs on tc. */
static __always_inline bool is_of_this_host(const struct v2m_reassembly *datagram)
{
	__u8 *whose;

	if (!datagram->host_only && !datagram->forwards)
		return true;
	whose = bpf_map_lookup_elem(&local_addresses, datagram->flow.local);
	return whose && (*whose == V2M_OF_HOST || !datagram->host_only);
}

static __always_inline void count(const struct v2m_reassembly *datagram)
{
	struct v2m_port_counters *counters;
	struct v2m_flow *flow;

	if (!datagram->flow.protocol || !is_of_this_host(datagram))
		return;
	counters = find_counters(datagram);
	if (!counters || (counters->tx & V2M_HAS_FOREIGN &&
			  bpf_map_lookup_elem(&foreign_flows, &datagram->flow)))
		return;
	flow = datagram->flow.protocol == NEXT_TCP ? &counters->tcp : &counters->udp;
	flow->packets += datagram->packets;
	flow->wire_bytes += datagram->wire_bytes;
	if (datagram->l4_bytes > datagram->headers)
		flow->payload_bytes += datagram->l4_bytes - datagram->headers;
}

/* Only a complete datagram comes here. */
SEC("fentry/inet_frag_reasm_finish")
int BPF_PROG(v2m_datagram_complete, struct inet_frag_queue *queue)
{
	__u64 key = (__u64)queue;
	struct v2m_reassembly *datagram;

	(void)ctx;
	if (!active_scope())
		return 0;
	datagram = bpf_map_lookup_elem(&reassemblies, &key);
	if (!datagram)
		return 0;
	count(datagram);
	bpf_map_delete_elem(&reassemblies, &key);
	return 0;
}

/* A datagram that never became complete. Its memory may be another one's next. */
SEC("fentry/inet_frag_destroy")
int BPF_PROG(v2m_fragments_dropped, struct inet_frag_queue *queue)
{
	__u64 key = (__u64)queue;

	(void)ctx;
	bpf_map_delete_elem(&reassemblies, &key);
	return 0;
}
