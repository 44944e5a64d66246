/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The interface between the kernel programs and the daemon: the layout of the maps and of the
 * constants that are set before a program is loaded. It is the only header that both sides include.
 * The BPF side includes vmlinux.h before it, the other side gets its types from <linux/types.h>.
 *
 * All counters only ever grow, each per-CPU copy has one writing program per direction, and a reset
 * is a baseline in user space.
 */
#ifndef V2METER_BPF_ABI_H
#define V2METER_BPF_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Part of the name of the pins' directory. Raised when the meaning of a map changes. */
#define V2M_ABI_VERSION 4

/* Rules that can be counted at once. The slot number has 12 bits. */
#define V2M_MAX_SLOTS           4096
#define V2M_MAX_PORTS           V2M_MAX_SLOTS /* until the keys know of ranges */
#define V2M_MAX_DEVICES         256
#define V2M_MAX_LOCAL_ADDRESSES 4096
#define V2M_DEVICE_NAME_LEN     16

/* One direction of one transport of one slot. */
struct v2m_flow {
	__u64 packets;       /* segments as they are on the wire */
	__u64 wire_bytes;    /* layer-2 frames without FCS, headers of every segment included */
	__u64 payload_bytes; /* layer-4 payload */
};

/* The slot that one transport of a port is counted in. */
struct v2m_transport_slot {
	__u16 slot : 12;
	__u16 counted : 1;  /* 0: it is not counted, and the other members mean nothing */
	__u16 loopback : 1; /* count on the loopback device only */
	__u16 shared : 1;   /* several keys share it; only for people who read a dump */
	__u16 spare : 1;
};

/*
 * port_slot: ARRAY[65536], indexed by the port in host byte order. One look-up decides everything
 * about a packet. The ports of a range have the same slot; a single port within it has its own. The
 * daemon writes an element through the map's memory, in one store: a program sees the old slot or
 * the new one.
 */
struct v2m_port_slot {
	struct v2m_transport_slot tcp;
	struct v2m_transport_slot udp;
};

/*
 * port_counters: ARRAY of V2M_MAX_SLOTS elements for each direction of each CPU, see
 * v2m_counter_index(). An element is one cache line, because the memory of an ARRAY that can be
 * mapped begins on a page; elements of a PERCPU_ARRAY begin at any multiple of 8 bytes. So a packet
 * changes one cache line of its slot. The identity is written into the copies of every CPU and
 * direction before the slot is used. Later only transports and V2M_HAS_FOREIGN change, each in a
 * byte of its own. A program sets V2M_HAS_FOREIGN in all copies; assigning the slot clears it.
 */
#define V2M_HAS_FOREIGN 2 /* foreign_flows has entries with a port of this slot */
struct v2m_port_counters {
	__u16 first_port; /* host byte order; 0 in a slot that was never used */
	__u16 last_port;  /* the same as first_port for a single port */
	__u16 slot;
	__u8 transports;   /* 1: TCP, 2: UDP, 3: both */
	__u8 tx;           /* 1: leaving packets (egress), 0: arriving packets; V2M_HAS_FOREIGN */
	__u64 assigned_ns; /* CLOCK_REALTIME when the slot was assigned; it differs for each use */
	struct v2m_flow tcp;
	struct v2m_flow udp;
};

/* All elements of one CPU and direction lie together. So a CPU's part of the map is dense for any
 * number of CPUs. */
static inline __u32 v2m_counter_index(__u32 cpu, __u32 tx, __u32 slot)
{
	return (cpu * 2 + tx) * V2M_MAX_SLOTS + slot;
}

struct v2m_tally {
	__u64 packets;
	__u64 wire_bytes;
};

/* The bytes of one direction of a device by their kind. seen is the sum of the others. */
struct v2m_device_flow {
	struct v2m_tally seen;         /* everything the program was called for */
	struct v2m_tally keys;         /* counted for a slot */
	struct v2m_tally fragments;    /* ingress: their ports' when their datagram is complete */
	struct v2m_tally unattributed; /* fragments whose first fragment is unknown */
	struct v2m_tally other;        /* everything else */
	struct v2m_tally too_deep; /* has more headers than we walk, so it may belong to a slot */
	struct v2m_tally foreign;  /* has a port of a slot, but is of somebody else's connection */
};

/* device_counters: PERCPU_ARRAY[V2M_MAX_DEVICES], indexed by v2m_device_config.device_slot. */
struct v2m_device_counters {
	__u32 ifindex; /* 0 in a slot that was never used */
	char name[V2M_DEVICE_NAME_LEN];
	__u32 pad;
	__u64 assigned_ns; /* CLOCK_REALTIME, as in v2m_port_counters */
	struct v2m_device_flow ingress;
	struct v2m_device_flow egress;
};

/* meta: ARRAY[1]. Decides whether pinned maps can be taken over. */
struct v2m_meta {
	__u64 abi_hash; /* hash of the layouts in this header, see v2m_abi_hash() */
	__u8 boot_id[16];
	__u8 identity[16]; /* random, made with the maps: the epoch of all counters in them */
	__u64 created_ns;  /* CLOCK_REALTIME */
};

/*
 * ledger: ARRAY[1], which only the daemon uses: the ledger that has stored what the counters hold.
 * If another one is there at the next start, it does not know which bytes belong to a closed
 * period. Zeros: no ledger has stored anything yet. Not part of the layout, as btf.
 */
#define V2M_LEDGER_NAME_LEN 72
struct v2m_ledger_mark {
	char name[V2M_LEDGER_NAME_LEN];
	__u64 stores; /* how often the ledger had stored by then */
};

/*
 * btf: ARRAY[1] of bytes, the BTF of all maps here ("bpftool btf dump file" reads it). Another
 * version uses it to find the counters by the member names of struct v2m_port_counters and struct
 * v2m_meta.
 */

/* Names the packet that a fragment belongs to. IPv4 addresses are in the IPv4-mapped form. */
struct v2m_fragment_key {
	__u8 source[16];
	__u8 destination[16];
	__u32 id;      /* network byte order */
	__u8 protocol; /* 0 for IPv6, where it is no part of the identity (RFC 8200, 4.5) */
	__u8 egress;   /* 1 on egress, 0 on ingress */
	__u16 pad;
};

/*
 * fragments: ARRAY of V2M_FRAGMENT_SETS, indexed by the low bits of a hash of struct
 * v2m_fragment_key. An entry has the other bits of the hash, and the decision on the first
 * fragment: its port, and whether it is TCP, UDP or neither. Later fragments of IPv6 do not always
 * name their transport. A new entry is the first of its set, and the oldest is dropped. Programs
 * read and write entries on several CPUs at once, each in one access. An LRU_HASH would cost 150
 * ns.
 */
#define V2M_FRAGMENT_SETS 2048
#define V2M_FRAGMENT_WAYS 8
struct v2m_fragment_set {
	__u64 entries[V2M_FRAGMENT_WAYS]; /* 0: none */
};

/*
 * reassembly_scope: ARRAY[1]. While generation is not 0, programs of that generation watch the
 * kernel put fragments together (bpf/fragments.bpf.c). The programs on tc then count fragments that
 * arrive on a device in reassembly_devices for no port. Else these count them for the port of the
 * first fragment that they saw.
 */
struct v2m_reassembly_scope {
	__u32 netns; /* inode number of the network namespace whose datagrams count */
	__u32 generation;
	__u64 guessed; /* fragments that tc counted for a port */
	__u64 lost;    /* fragments that could not be counted for any */
};

/* reassembly_devices: HASH by ifindex of the devices that are counted on, and of VLANs and the like
 * over them: the kernel's note where a packet came from names the uppermost. */
#define V2M_MAX_REASSEMBLY_DEVICES 4096
struct v2m_reassembly_device {
	__u8 loopback;
	__u8 host_only;
	__u8 tags; /* VLAN tags that the packet had when it was counted */
	__u8 forwards;
};

/* local_addresses: HASH to enum v2m_whose, read only by programs with host_only or forwards set. */
struct v2m_local_address {
	__u8 address[16]; /* IPv4 in the IPv4-mapped form */
};
enum v2m_whose {
	V2M_OF_HOST = 1,
	V2M_OF_NETNS = 2, /* of the namespace where the ports are served, behind this host */
};

/*
 * own_addresses: ARRAY[1], as many of the same addresses as fit, so that a program finds them
 * without a look-up. The state of a family says how its part is to be read. The part is rewritten
 * only while the state is V2M_OWN_ELSEWHERE and no running program has read another state.
 */
#define V2M_OWN_IPV4 14
#define V2M_OWN_IPV6 7
enum v2m_own_state {
	V2M_OWN_ELSEWHERE, /* ask local_addresses */
	V2M_OWN_SOME,      /* addresses that are not here may be in local_addresses */
	V2M_OWN_ALL,       /* there are no others */
};
struct v2m_own_addresses {
	__u32 ipv4_state; /* enum v2m_own_state */
	__u32 ipv4_count;
	__u32 ipv4[V2M_OWN_IPV4]; /* network byte order; with the above one cache line */
	__u32 ipv6_state;
	__u32 ipv6_count;
	__u64 ipv6[V2M_OWN_IPV6][2]; /* as in a packet */
	__u64 pad;
};

/*
 * udp_peers: LRU_HASH from a port and a peer to which it has sent datagrams, to the time of the
 * last one. Each port of a range has its own entries; port_slot tells its slot. Only sent datagrams
 * make entries, so forged source addresses fill the map only if the server answers them. Then the
 * least recently used entries are dropped.
 */
#define V2M_MAX_UDP_PEERS 16384
struct v2m_udp_peer {
	__u8 address[16]; /* IPv4 in the IPv4-mapped form */
	__u16 port;       /* the monitored one, host byte order */
	__u16 remote_port;
} __attribute__((aligned(4))); /* compared by words */
struct v2m_udp_seen {
	__u64 at_ns;   /* CLOCK_MONOTONIC of the last time; up to V2M_UDP_SEEN_JIFFIES too early */
	__u64 jiffies; /* the same moment in jiffies, which are faster to read */
};
/* An entry is written at most once in so many jiffies: 2.5 s to 0.25 s, depending on how the kernel
 * was built. */
#define V2M_UDP_SEEN_JIFFIES 250

/*
 * Flows of slots that several keys share. All packets of such a slot are counted in its
 * port_counters first. A flow then counts for its owner, if it has one, so the owners of a slot
 * never have more bytes than the slot. Slots of one key do not use these maps.
 *
 * flows: HASH of TCP connections whose handshake was complete, and of labelled UDP flows. Only the
 * daemon and a new connection of the same addresses remove an entry. The loader may give it another
 * size than V2M_MAX_FLOWS.
 * young_flows: LRU_HASH of all others. Forged packets fill it, and not flows. An entry whose flow
 * is in flows stays until the flow is labelled.
 */
#define V2M_MAX_FLOWS       65536
#define V2M_MAX_YOUNG_FLOWS 8192
struct v2m_flow_key {
	__u8 remote[16];   /* IPv4 in the IPv4-mapped form */
	__u16 port;        /* the monitored one, host byte order */
	__u16 remote_port; /* host byte order */
	__u8 protocol;     /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad[3];
};
/* The TCP connections of a flow or an owner. The programs of sockets add to this. */
struct v2m_flow_sessions {
	__u64 opened;   /* connections that were accepted */
	__u64 closed;   /* connections that ended */
	__u64 rx_bytes; /* payload that arrived in order, each byte once */
	__u64 tx_bytes; /* payload sent, each byte once */
};
struct v2m_flow_state {
	__u32 owner; /* index in owners; V2M_NO_OWNER: not labelled */
	/* The acknowledgement number that completes the handshake, host byte order: the server's
	 * SYN-ACK told it only to the client's address. */
	__u32 expected_ack;
	__u8 answered; /* expected_ack is set */
	__u8 disputed; /* two owners were named: it stays without an owner */
	/* In young_flows: the connection has an entry in flows. What programs that had found this
	 * one still add to it is moved with the label. */
	__u8 left;
	__u8 pad[5];
	__u64 began_ns;     /* CLOCK_MONOTONIC of the first packet */
	struct v2m_flow rx; /* what was counted while the flow had no owner */
	struct v2m_flow tx;
	struct v2m_flow_sessions sessions; /* the same of its connection */
};

/* owner_counters: ARRAY of one element for each owner, for each direction of each CPU, and once
 * more for the labels, which move what was counted before: see v2m_owner_index(). Owner 0 is no
 * owner. The CPUs write the first parts, and the label program the last ones.
 * The loader may make room for another number of owners than V2M_MAX_OWNERS, up to
 * V2M_OWNERS_LIMIT: a multiple of V2M_OWNERS_STEP, so that each part begins on a page of 64 KiB. */
#define V2M_MAX_OWNERS   16384
#define V2M_OWNERS_LIMIT 65536
#define V2M_OWNERS_STEP  2048
#define V2M_NO_OWNER     0
struct v2m_owner_counters {
	__u32 owner;
	__u32 tx; /* 1: leaving packets, 0: arriving packets */
	struct v2m_flow flow;
};
/* owners: how many there is room for. cpu: one above the last CPU for the part of the labels. */
static inline __u32 v2m_owner_index(__u32 owners, __u32 cpu, __u32 tx, __u32 owner)
{
	return (cpu * 2 + tx) * owners + owner;
}

/* owner_sessions: ARRAY of struct v2m_flow_sessions, one for each owner. */

/* owners: ARRAY, one element for each. An owner is a key on one transport of one shared slot. */
#define V2M_OWNER_KEY_LEN 48
struct v2m_owner {
	__u64 assigned_ns; /* CLOCK_REALTIME; 0: free */
	__u16 first_port;  /* of the slot, host byte order */
	__u8 protocol;
	__u8 pad[5];
	char key[V2M_OWNER_KEY_LEN]; /* names the key, ended by 0 */
};

/* A request to the label program. Its packet is V2M_LABEL_HEADER zeros, as an Ethernet header that
 * means nothing, and an array of these. */
#define V2M_LABELS_IN_A_CALL 32
#define V2M_LABEL_HEADER     16
enum v2m_label_step {
	V2M_LABEL_NONE,
	V2M_LABEL_SET,       /* packets from now on count for the owner; another owner: disputed */
	V2M_LABEL_MOVE,      /* what was counted before goes to the owner */
	V2M_LABEL_LEAVE,     /* what was counted without an owner stays with the slot alone */
	V2M_LABEL_MOVE_LAST, /* as MOVE, a grace period after SET: takes all, and the young flow */
};
enum v2m_label_result {
	V2M_LABEL_UNKNOWN, /* there is no such flow */
	V2M_LABEL_DONE,
	V2M_LABEL_DISPUTED, /* the flow has, or had, another owner */
	V2M_LABEL_FULL,     /* flows has no room */
};
struct v2m_label {
	struct v2m_flow_key flow;
	__u32 owner;
	__u8 step;   /* enum v2m_label_step */
	__u8 result; /* enum v2m_label_result, written by the program */
	__u16 pad;
	/* When the flow began that SET and LEAVE mean: another with the same key is unknown. */
	__u64 began_ns;
};

/*
 * foreign_flows: LRU_HASH of connections and flows that have a monitored port on this side and do
 * not belong to what serves it: they began here. Only what leaves this host makes an entry.
 */
#define V2M_MAX_FOREIGN_FLOWS 16384
struct v2m_foreign_flow {
	__u8 local[16]; /* IPv4 in the IPv4-mapped form */
	__u8 remote[16];
	__u16 port; /* the monitored one, host byte order */
	__u16 remote_port;
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad[3];
};

/* reassemblies: HASH from the address of the kernel's queue to the datagram. The kernel limits how
 * many there are by their memory. */
#define V2M_MAX_REASSEMBLIES 16384
struct v2m_reassembly {
	__u64 last_skb; /* address of the last fragment */
	__u64 wire_bytes;
	__u32 packets;
	__u32 l4_bytes; /* behind the IP headers */
	/* Its protocol is 0: not known yet, or neither TCP nor UDP. */
	struct v2m_foreign_flow flow;
	__u16 headers; /* bytes of l4_bytes that are no payload */
	__u8 loopback;
	__u8 host_only;
	__u8 forwards;
	__u8 pad[3];
};

/* The read-only data of one loaded object; every device has its own. */
struct v2m_device_config {
	__u32 device_slot; /* index into device_counters */
	__u8 link_header; /* bytes of the layer-2 header: 14 for Ethernet, 0 for tun and the like */
	__u8 loopback;    /* this is the loopback device */
	__u8 host_only;   /* count only packets to or from this host's own addresses */
	__u8 forwards;    /* packets of others pass: count only those to or from local_addresses */
	__u16 cpus;       /* parts of port_counters */
	/* Offsets in this kernel's structs of what tells whose a packet is. 0: not known, and not
	 * read. */
	__u16 conntrack_offset; /* of struct sk_buff: the connection and its direction */
	__u16 bound_offset; /* of struct sock: the byte that tells whether its port was asked for */
	__u8 bound_mask;    /* the bit of that byte */
	__u8 pad;
	__u32 owners; /* that owner_counters has room for */
};

/*
 * session_ports: ARRAY[65536] by local port, for bpf/sessions.bpf.c: the first port of the slot
 * that counts the port. The map is in the daemon's memory, and the daemon writes each member in one
 * store. This map and the three below are not part of the layout above and have a version of their
 * own.
 */
#define V2M_SESSIONS_ABI_VERSION 1
struct v2m_session_port {
	__u16 slot_port; /* host byte order; 0: the port is not counted */
	__u16 shared;    /* 1: several keys share the slot, so its connections have flows */
	/* 1: the slot with this first port may count delivered bytes twice (MPTCP). */
	__u16 repeats;
	__u16 pad;
};

/* session_flows and session_owners: ARRAY_OF_MAPS[1], with the maps flows and owner_sessions of the
 * counting programs. So these can make their maps anew while the programs of sockets go on. */

/* session_counters: HASH[V2M_MAX_SLOTS] by the first port of a slot (__u16, host byte order). The
 * daemon makes and removes the entries, the program adds to those that are there. */
struct v2m_session_counters {
	__u64 assigned_ns; /* CLOCK_REALTIME when the entry was made */
	__u64 opened;      /* TCP connections that were accepted */
	__u64 closed;      /* connections that ended; the bytes below are theirs */
	__u64 rx_bytes;    /* payload that arrived in order */
	__u64 tx_bytes;    /* payload sent, once each */
};

/* session_starts: LRU_HASH from a socket's cookie (__u64) to CLOCK_MONOTONIC when it was accepted.
 */
#define V2M_MAX_SESSION_STARTS 65536

/* session_scope: ARRAY[1]. */
struct v2m_session_scope {
	__u32 netns;     /* inode number of the network namespace whose sockets count */
	__u32 untracked; /* connections that found no room in the maps of sockets */
};

/* session_delivered: HASH[V2M_MAX_SLOTS] by the first port of a slot, as session_counters: what TCP
 * connections have handed over since the entry was made, open ones included. */
struct v2m_session_delivered {
	__u64 assigned_ns; /* CLOCK_REALTIME when the entry was made */
	__u64 rx_bytes;    /* payload that arrived in order, each byte once */
	__u64 tx_bytes;    /* payload sent, each byte once */
	__u64 again_bytes; /* payload that was sent again */
};

/* session_sockets: SK_STORAGE, what session_delivered has of one socket. On kernels before 5.15
 * session_sockets_by_address: HASH by the address of the socket. A socket that was open before its
 * port was counted has what it had carried by then, so that only the rest is added. */
#define V2M_MAX_SESSION_SOCKETS     262144
#define V2M_MAX_SESSION_CONNECTIONS 65536 /* of MPTCP, by address, from Linux 5.15 on */
struct v2m_session_socket {
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u64 again_bytes;
	__u64 opened_at; /* both sequence numbers when it opened; 0: it was open before */
	/* With V2M_SOCKET_CLOSED before Linux 5.15: the final figures. In the note of an MPTCP
	 * connection: the sums of its subflows. */
	__u64 last_rx_bytes;
	__u64 last_tx_bytes;
	__u64 last_again_bytes;
	__u32 flags;
	__u32 pad;
};
#define V2M_SOCKET_CLOSED   1
#define V2M_SOCKET_OUTGOING 2 /* connected from here: it is none of the server's */

#ifdef __cplusplus
#define V2M_ABI_ASSERT(condition, text) static_assert(condition, text)
#else
#define V2M_ABI_ASSERT(condition, text) _Static_assert(condition, text)
#endif

V2M_ABI_ASSERT(sizeof(struct v2m_flow) == 24, "flow");
V2M_ABI_ASSERT(sizeof(struct v2m_port_slot) == 4, "port_slot");
V2M_ABI_ASSERT(sizeof(struct v2m_port_counters) == 64, "port_counters");
V2M_ABI_ASSERT(sizeof(struct v2m_device_flow) == 112, "device_flow");
V2M_ABI_ASSERT(sizeof(struct v2m_device_counters) == 256, "device_counters");
V2M_ABI_ASSERT(sizeof(struct v2m_meta) == 48, "meta");
V2M_ABI_ASSERT(sizeof(struct v2m_fragment_key) == 40, "fragment_key");
V2M_ABI_ASSERT(sizeof(struct v2m_fragment_set) == 64, "fragment_set");
V2M_ABI_ASSERT(sizeof(struct v2m_reassembly_scope) == 24, "reassembly_scope");
V2M_ABI_ASSERT(sizeof(struct v2m_reassembly_device) == 4, "reassembly_device");
V2M_ABI_ASSERT(sizeof(struct v2m_reassembly) == 72, "reassembly");
V2M_ABI_ASSERT(sizeof(struct v2m_own_addresses) == 192, "own_addresses");
V2M_ABI_ASSERT(sizeof(struct v2m_udp_peer) == 20, "udp_peer");
V2M_ABI_ASSERT(sizeof(struct v2m_udp_seen) == 16, "udp_seen");
V2M_ABI_ASSERT(sizeof(struct v2m_flow_key) == 24, "flow_key");
V2M_ABI_ASSERT(sizeof(struct v2m_flow_sessions) == 32, "flow_sessions");
V2M_ABI_ASSERT(sizeof(struct v2m_flow_state) == 104, "flow_state");
V2M_ABI_ASSERT(sizeof(struct v2m_owner_counters) == 32, "owner_counters");
V2M_ABI_ASSERT(sizeof(struct v2m_owner) == 64, "owner");
V2M_ABI_ASSERT(sizeof(struct v2m_label) == 40, "label");
V2M_ABI_ASSERT(sizeof(struct v2m_foreign_flow) == 40, "foreign_flow");
V2M_ABI_ASSERT(sizeof(struct v2m_device_config) == 20, "device_config");
V2M_ABI_ASSERT(sizeof(struct v2m_session_port) == 8, "session_port");
V2M_ABI_ASSERT(sizeof(struct v2m_session_counters) == 40, "session_counters");
V2M_ABI_ASSERT(sizeof(struct v2m_session_scope) == 8, "session_scope");
V2M_ABI_ASSERT(sizeof(struct v2m_session_delivered) == 32, "session_delivered");
V2M_ABI_ASSERT(sizeof(struct v2m_session_socket) == 64, "session_socket");

#endif
