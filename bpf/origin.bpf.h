/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads from the kernel's memory where a packet that leaves came from. Include it behind "device".
 */
#ifndef V2METER_ORIGIN_BPF_H
#define V2METER_ORIGIN_BPF_H

#include "parse.bpf.h"

/* Makes a number of a pointer, because the verifier allows no arithmetic with pointers to sockets.
 * Needs CAP_PERFMON, as does reading the kernel's memory. So it is used only if the offsets are
 * set. */
static __always_inline __u64 address_of(const void *pointer)
{
	const void *volatile spilled = pointer;
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), (const void *)&spilled);
	return address;
}

/* Whether connection tracking says that the packet goes the way of its connection's first one. For
 * a forwarded packet that leaves: whether the connection began behind this host. */
static __always_inline bool goes_forth(struct __sk_buff *skb)
{
	__u64 connection = 0;

	if (!device.conntrack_offset)
		return false;
	bpf_probe_read_kernel(&connection, sizeof(connection),
			      (const void *)(address_of(skb) + device.conntrack_offset));
	/* Its low bits are enum ip_conntrack_info; IP_CT_IS_REPLY is 3. */
	return connection & ~7ul && (connection & 7) < 3;
}

/* Whether the sender's socket got its port without asking for it, so that it serves nobody. A
 * packet socket or a raw one says nothing about ports. */
static __always_inline bool is_unbound(struct bpf_sock *socket)
{
	__u8 locks = device.bound_mask;

	if (!device.bound_offset)
		return false;
	socket = bpf_sk_fullsock(socket);
	if (!socket || socket->protocol != NEXT_UDP)
		return false;
	if (bpf_probe_read_kernel(&locks, sizeof(locks),
				  (const void *)(address_of(socket) + device.bound_offset)))
		return false;
	return !(locks & device.bound_mask);
}

#endif
