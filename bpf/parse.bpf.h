/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds a packet's transport, ports, payload and the headers that each of its segments repeats.
 * There are two ways. Nearly all packets are plain: no in-band tag, no options, no fragment,
 * headers in the linear part. find_plain_ipv4() or find_plain_ipv6() finds their ports, and
 * parse_plain() reads them if the port is monitored. parse_any() reads all other packets, also
 * those whose headers lie in page fragments. Both ways follow docs/counting.md and touch no map.
 *
 * A length in a header is used only as far as the packet has bytes.
 */
#ifndef V2METER_PARSE_BPF_H
#define V2METER_PARSE_BPF_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "v2meter/bpf_abi.h"

#define BPF_ANY     0
#define BPF_NOEXIST 1

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86DD
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88A8

#define NEXT_HOP_BY_HOP  0
#define NEXT_TCP         6
#define NEXT_UDP         17
#define NEXT_ROUTING     43
#define NEXT_FRAGMENT    44
#define NEXT_AH          51
#define NEXT_DESTINATION 60

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET         0x1fff
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_OFFSET         0xfff8
#define JUMBO_PAYLOAD       0xc2 /* RFC 2675 */

#define ETHERNET_HEADER 14
#define TAGGED_HEADER   18
/* Linux takes any number of either. The verifier needs 0.2 s for 32 extension headers. */
#define MAX_IN_BAND_TAGS 8
#define MAX_EXTENSIONS   32
#define TCP_HEADER_MIN   20
#define TCP_FLAGS        13 /* offset in the header */
#define UDP_HEADER       8
#define TCP_SYN          0x02
#define TCP_ACK          0x10
/* A packet with less of its layer-4 header than this has no ports. It is also the smallest first
 * fragment that IPv4 allows. */
#define PORTS_NEED 8

enum verdict {
	OTHER,          /* nothing that has ports */
	PORTS,          /* TCP or UDP with its ports */
	FIRST_FRAGMENT, /* the same, and later fragments will refer to it */
	FIRST_OF_OTHER, /* as OTHER, and later fragments do not say that they are */
	LATER_FRAGMENT, /* carries no ports */
	TOO_DEEP,       /* more tags or extension headers than are walked: Linux may find ports */
};

struct packet {
	/* The headers from layer 2 to layer 4, which each segment repeats; for FIRST_OF_OTHER only
	 * those before layer 4. */
	__u32 header_len;
	__u32 payload_bytes; /* layer-4 payload */
	__u32 phantom;       /* bytes of the skb that never reach the wire */
	__u8 protocol;
	__u8 flags; /* of TCP; it and the numbers are 0 if the header is cut off */
	__be16 source;
	__be16 destination;
	__be32 seq;
	__be32 ack;
};

static __always_inline __u32 smaller(__u32 a, __u32 b)
{
	return a < b ? a : b;
}

/* The verifier accepts no packet pointer beyond this. */
#define DIRECT_MAX 0x7fff

/* Reads bytes of the packet from any part of it. The helper costs some 20 ns, and nearly all
 * headers are in the linear part, so that one is tried first. length is a constant. */
static __always_inline bool load(struct __sk_buff *skb, __u32 offset, void *to, __u32 length)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (offset <= DIRECT_MAX && data + offset + length <= end) {
		__builtin_memcpy(to, data + offset, length);
		return true;
	}
	return bpf_skb_load_bytes(skb, offset, to, length) == 0;
}

/* Keys of maps are written in whole words. Hashing reads them so, and to read a word right after
 * its parts were written takes some 4 ns. Addresses in packets are copied by words too, because the
 * compiler copies bytes one by one. Keys begin with an address, and all of them are aligned. */
static __always_inline void map_ipv4(__u32 *address, __be32 ipv4)
{
	address[0] = 0;
	address[1] = 0;
	address[2] = bpf_htonl(0xffff);
	address[3] = ipv4;
}

static __always_inline void copy_ipv6(__u32 *address, const __u32 *ipv6)
{
	address[0] = ipv6[0];
	address[1] = ipv6[1];
	address[2] = ipv6[2];
	address[3] = ipv6[3];
}

/* Two ports of a packet as two members of 16 bits in host byte order. */
static __always_inline __u32 two_ports(__be16 first, __be16 second)
{
	return bpf_htonl((__u32)first << 16 | second);
}

/* The place of layer 4 in a plain packet. Its first PORTS_NEED bytes are in the linear part. */
struct plain {
	void *l4;
	const void *source; /* address, 4 or 16 bytes */
	const void *destination;
	__u32 offset;
	__u32 l4_bytes; /* from the IP header; wraps if it is less than that header */
	__u8 protocol;
};

/* True if the header has no options. One load instead of two, because this runs for each packet. */
static __always_inline bool is_plain_ipv4(struct __sk_buff *skb, const void *ip,
					  const __u32 link_header)
{
	if (!link_header)
		return skb->protocol == bpf_htons(ETH_P_IP) && *(__u8 *)ip == 0x45;
	return (*(__be32 *)(ip - sizeof(__be16)) & bpf_htonl(0xffffff00)) ==
	       bpf_htonl(ETH_P_IP << 16 | 0x4500);
}

static __always_inline bool is_ipv6(struct __sk_buff *skb, const void *ip, const __u32 link_header)
{
	__be16 type = link_header ? *(__be16 *)(ip - sizeof(type)) : (__be16)skb->protocol;

	return type == bpf_htons(ETH_P_IPV6) && *(__u8 *)ip >> 4 == 6;
}

static __always_inline bool is_extension(__u8 next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING || next == NEXT_DESTINATION ||
	       next == NEXT_AH || next == NEXT_FRAGMENT;
}

/* False if the packet needs parse_any(), as all fragments do. link_header is a constant. */
static __always_inline bool find_plain_ipv4(struct __sk_buff *skb, const __u32 link_header,
					    struct plain *plain)
{
	void *end = (void *)(long)skb->data_end;
	struct iphdr *ip = (void *)(long)skb->data + link_header;

	plain->l4 = ip + 1;
	if (plain->l4 + PORTS_NEED > end || !is_plain_ipv4(skb, ip, link_header) ||
	    ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_OFFSET))
		return false;
	plain->offset = link_header + sizeof(*ip);
	plain->l4_bytes = bpf_ntohs(ip->tot_len) - sizeof(*ip);
	plain->source = &ip->saddr;
	plain->destination = &ip->daddr;
	plain->protocol = ip->protocol;
	return true;
}

static __always_inline bool find_plain_ipv6(struct __sk_buff *skb, const __u32 link_header,
					    struct plain *plain)
{
	void *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip = (void *)(long)skb->data + link_header;

	plain->l4 = ip + 1;
	if (plain->l4 + PORTS_NEED > end || !is_ipv6(skb, ip, link_header) || !ip->payload_len)
		return false;
	plain->offset = link_header + sizeof(*ip);
	plain->l4_bytes = bpf_ntohs(ip->payload_len);
	plain->source = &ip->saddr;
	plain->destination = &ip->daddr;
	plain->protocol = ip->nexthdr;
	return true;
}

static __always_inline bool is_tag(__be16 type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

/* True if the frame has a tag in its data: an outer tag, or one that the device left there. */
static __always_inline bool has_tag(struct __sk_buff *skb)
{
	__be16 *type = (void *)(long)skb->data + ETHERNET_HEADER - sizeof(*type);

	return (void *)(type + 1) <= (void *)(long)skb->data_end && is_tag(*type);
}

/* True if the frame is not IP. link_header is a constant. */
static __always_inline bool is_stranger(struct __sk_buff *skb, const __u32 link_header)
{
	__be16 *in_frame = (void *)(long)skb->data + link_header - sizeof(*in_frame);
	__be16 type = skb->protocol;

	if (link_header) {
		if ((void *)(in_frame + 1) > (void *)(long)skb->data_end)
			return false;
		type = *in_frame;
	}
	return type != bpf_htons(ETH_P_IP) && type != bpf_htons(ETH_P_IPV6) && !is_tag(type);
}

/* Reads the rest of the packet, which is needed only if its port is monitored. False as above. */
static __always_inline bool parse_plain(struct __sk_buff *skb, const struct plain *plain,
					const __u8 protocol, struct packet *packet)
{
	struct tcphdr *tcp = plain->l4;
	__u32 header = UDP_HEADER;

	if (protocol == NEXT_TCP) {
		if ((void *)(tcp + 1) > (void *)(long)skb->data_end)
			return false;
		header = tcp->doff * 4;
		if (header < TCP_HEADER_MIN)
			return false;
		packet->flags = ((__u8 *)tcp)[TCP_FLAGS];
	}
	if (plain->l4_bytes > skb->len - plain->offset || header > plain->l4_bytes)
		return false;
	packet->header_len = plain->offset + header;
	packet->payload_bytes = plain->l4_bytes - header;
	packet->phantom = 0;
	return true;
}

/* The ethertype behind the in-band tags; a tag's, if there are more than are walked. False where it
 * is cut off. */
static __always_inline bool walk_tags(struct __sk_buff *skb, __u32 *offset, __be16 *type)
{
	if (!*offset) {
		*type = skb->protocol;
		return true;
	}
	if (!load(skb, *offset - sizeof(*type), type, sizeof(*type)))
		return false;
	for (int i = 0; i < MAX_IN_BAND_TAGS && is_tag(*type); i++) {
		/* Not by load(), for the verifier's sake: see struct walk. */
		if (bpf_skb_load_bytes(skb, *offset + 2, type, sizeof(*type)))
			return false;
		*offset += sizeof(struct vlan_hdr);
	}
	return true;
}

static __always_inline enum verdict parse_ports(struct __sk_buff *skb, struct packet *packet,
						__u32 offset, __u32 l4_bytes)
{
	__be16 ports[2];
	__u32 header = UDP_HEADER;
	struct tcphdr tcp;

	if ((packet->protocol != NEXT_TCP && packet->protocol != NEXT_UDP) ||
	    l4_bytes < PORTS_NEED || bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
		return OTHER;
	packet->source = ports[0];
	packet->destination = ports[1];
	if (packet->protocol == NEXT_TCP) {
		header = l4_bytes;
		if (l4_bytes >= TCP_HEADER_MIN) {
			if (bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
				return OTHER;
			packet->seq = tcp.seq;
			packet->ack = tcp.ack_seq;
			packet->flags = ((__u8 *)&tcp)[TCP_FLAGS];
			header = tcp.doff * 4;
			if (header < TCP_HEADER_MIN)
				header = TCP_HEADER_MIN;
		}
		header = smaller(header, l4_bytes);
	}
	packet->header_len = offset + header - packet->phantom;
	packet->payload_bytes = l4_bytes - header;
	return PORTS;
}

static __always_inline enum verdict parse_ipv4(struct __sk_buff *skb, __u32 offset,
					       struct packet *packet,
					       struct v2m_fragment_key *identity)
{
	enum verdict verdict;
	struct iphdr ip;
	__u32 header;
	__u32 total;
	__u32 l4_bytes;
	__u16 fragment;

	if (!load(skb, offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
		return OTHER;
	header = ip.ihl * 4;
	if (offset + header > skb->len)
		return OTHER;
	l4_bytes = skb->len - offset - header;
	total = bpf_ntohs(ip.tot_len);
	/* 0: more than the field can say (BIG TCP). */
	if (total)
		l4_bytes = total > header ? smaller(total - header, l4_bytes) : 0;
	packet->protocol = ip.protocol;
	map_ipv4((__u32 *)identity->source, ip.saddr);
	map_ipv4((__u32 *)identity->destination, ip.daddr);
	identity->id = ip.id;
	identity->protocol = ip.protocol;
	fragment = bpf_ntohs(ip.frag_off);
	if (fragment & IPV4_OFFSET) {
		packet->payload_bytes = l4_bytes;
		return ip.protocol == NEXT_TCP || ip.protocol == NEXT_UDP ? LATER_FRAGMENT : OTHER;
	}
	verdict = parse_ports(skb, packet, offset + header, l4_bytes);
	return verdict == PORTS && fragment & IPV4_MORE_FRAGMENTS ? FIRST_FRAGMENT : verdict;
}

/* One step of the walk over IPv6 extension headers. The helper reads the headers and the ports,
 * because with load() the verifier of Linux 6.18 walks 529,000 instructions instead of 6,700. */
struct walk {
	__u32 offset; /* of the header the walk stands at */
	__u32 left;   /* bytes from there on */
	__u8 next;    /* what that header is */
	bool fragmented;
	bool first; /* of a real fragmented packet */
	bool later;
};

/* False if the header is cut off, or is a second fragment header. */
static __always_inline bool step_fragment(struct __sk_buff *skb, struct walk *walk,
					  struct v2m_fragment_key *identity)
{
	struct frag_hdr header;
	__u16 where;

	if (walk->fragmented || walk->left < sizeof(header) ||
	    bpf_skb_load_bytes(skb, walk->offset, &header, sizeof(header)))
		return false;
	where = bpf_ntohs(header.frag_off);
	walk->fragmented = true;
	walk->later = where & IPV6_OFFSET;
	/* A fragment with offset 0 and no following ones is an atomic fragment (RFC 6946): a whole
	 * packet. */
	walk->first = !walk->later && where & IPV6_MORE_FRAGMENTS;
	identity->id = header.identification;
	walk->next = header.nexthdr;
	walk->offset += sizeof(header);
	walk->left -= sizeof(header);
	return true;
}

static __always_inline bool step_extension(struct __sk_buff *skb, struct walk *walk)
{
	struct ipv6_opt_hdr header;
	__u32 length;

	if (walk->left < sizeof(header) ||
	    bpf_skb_load_bytes(skb, walk->offset, &header, sizeof(header)))
		return false;
	length = walk->next == NEXT_AH ? (header.hdrlen + 2) * 4 : (header.hdrlen + 1) * 8;
	if (length > walk->left)
		return false;
	walk->next = header.nexthdr;
	walk->offset += length;
	walk->left -= length;
	return true;
}

/* IPv6 BIG TCP: the kernel puts a jumbo header into super-packets that are larger than the length
 * field can say, and takes it out when they are cut into segments (Linux 5.19,
 * ipv6_hopopt_jumbo_remove()). */
static __always_inline __u32 phantom_jumbo(struct __sk_buff *skb, __u32 offset, __u8 next,
					   __be16 payload_len)
{
	__u8 option[4];

	if (next != NEXT_HOP_BY_HOP || payload_len || !skb->gso_size ||
	    !load(skb, offset, option, sizeof(option)))
		return 0;
	return option[1] == 0 && option[2] == JUMBO_PAYLOAD && option[3] == 4 ? 8 : 0;
}

static __always_inline enum verdict parse_ipv6(struct __sk_buff *skb, __u32 offset,
					       struct packet *packet,
					       struct v2m_fragment_key *identity)
{
	struct walk walk = {};
	enum verdict verdict;
	struct ipv6hdr ip;

	if (!load(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
		return OTHER;
	walk.offset = offset + sizeof(ip);
	walk.left = skb->len - walk.offset;
	if (ip.payload_len)
		walk.left = smaller(bpf_ntohs(ip.payload_len), walk.left);
	walk.next = ip.nexthdr;
	__builtin_memcpy(identity->source, &ip.saddr, sizeof(identity->source));
	__builtin_memcpy(identity->destination, &ip.daddr, sizeof(identity->destination));
	packet->phantom = phantom_jumbo(skb, walk.offset, walk.next, ip.payload_len);
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(walk.next) && !walk.later; i++) {
		if (walk.next == NEXT_FRAGMENT ? !step_fragment(skb, &walk, identity)
					       : !step_extension(skb, &walk))
			return OTHER;
	}
	packet->protocol = walk.next;
	if (walk.later) {
		/* Linux takes the next header from the first fragment alone. */
		packet->payload_bytes = walk.left;
		return LATER_FRAGMENT;
	}
	if (is_extension(walk.next))
		return TOO_DEEP;
	packet->header_len = walk.offset;
	verdict = parse_ports(skb, packet, walk.offset, walk.left);
	if (!walk.first)
		return verdict;
	if (verdict == PORTS)
		return FIRST_FRAGMENT;
	/* A TCP or UDP header that is cut off: Linux drops it. */
	return packet->protocol == NEXT_TCP || packet->protocol == NEXT_UDP ? OTHER
									    : FIRST_OF_OTHER;
}

/* Parses any packet. identity gets the addresses and, for fragments, what identifies their packet.
 */
static __always_inline enum verdict parse_any(struct __sk_buff *skb, __u32 link_header,
					      struct packet *packet,
					      struct v2m_fragment_key *identity)
{
	__u32 offset = link_header;
	__be16 type;

	if (!walk_tags(skb, &offset, &type))
		return OTHER;
	if (type == bpf_htons(ETH_P_IP))
		return parse_ipv4(skb, offset, packet, identity);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(skb, offset, packet, identity);
	return is_tag(type) ? TOO_DEEP : OTHER;
}

#endif
