/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether an address is this host's. Include it behind "device". */
#ifndef V2METER_ADDRESSES_BPF_H
#define V2METER_ADDRESSES_BPF_H

#include "ports.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, MAPPABLE); /* begins on a page, and so on a cache line */
	__type(key, __u32);
	__type(value, struct v2m_own_addresses);
} own_addresses SEC(".maps");

/* On a device with host_only the packets of another namespace are on their way through. */
static __noinline bool is_listed(const struct v2m_local_address *address)
{
	__u8 *whose = bpf_map_lookup_elem(&local_addresses, address);

	return whose && (*whose == V2M_OF_HOST || !device.host_only);
}

static __always_inline bool is_of_this_host(const struct v2m_fragment_key *identity, bool egress)
{
	const void *address = egress ? identity->source : identity->destination;

	return (!device.host_only && !device.forwards) || is_listed(address);
}

static __always_inline bool is_own_ipv4(const struct v2m_own_addresses *own, const __u32 *address)
{
	struct v2m_local_address wanted = { .address = { [10] = 0xff, [11] = 0xff } };

	if (own->ipv4_state != V2M_OWN_ELSEWHERE) {
		for (__u32 i = 0; i < V2M_OWN_IPV4 && i < own->ipv4_count; i++)
			if (own->ipv4[i] == *address)
				return true;
		if (own->ipv4_state == V2M_OWN_ALL)
			return false;
	}
	__builtin_memcpy(wanted.address + 12, address, sizeof(*address));
	return is_listed(&wanted);
}

static __always_inline bool is_own_ipv6(const struct v2m_own_addresses *own, const __u64 *address)
{
	struct v2m_local_address wanted;

	if (own->ipv6_state != V2M_OWN_ELSEWHERE) {
		for (__u32 i = 0; i < V2M_OWN_IPV6 && i < own->ipv6_count; i++)
			if (own->ipv6[i][0] == address[0] && own->ipv6[i][1] == address[1])
				return true;
		if (own->ipv6_state == V2M_OWN_ALL)
			return false;
	}
	__builtin_memcpy(wanted.address, address, sizeof(wanted.address));
	return is_listed(&wanted);
}

/* As is_of_this_host(), for plain packets. */
static __always_inline bool is_own(const struct plain *plain, bool egress, const bool ipv6)
{
	const void *address = egress ? plain->source : plain->destination;
	struct v2m_own_addresses *own;
	__u32 first = 0;

	own = bpf_map_lookup_elem(&own_addresses, &first);
	if (!own)
		return false;
	return ipv6 ? is_own_ipv6(own, address) : is_own_ipv4(own, address);
}

#endif
