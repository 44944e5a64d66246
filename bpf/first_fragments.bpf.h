/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Remembers whose first fragments are, so that later ones find their ports. */
#ifndef V2METER_FIRST_FRAGMENTS_BPF_H
#define V2METER_FIRST_FRAGMENTS_BPF_H

#include <bpf/bpf_helpers.h>

#include "parse.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, V2M_FRAGMENT_SETS);
	__type(key, __u32);
	__type(value, struct v2m_fragment_set);
} fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct v2m_meta);
} meta SEC(".maps");

#define FRAGMENT_KEY_WORDS (sizeof(struct v2m_fragment_key) / sizeof(__u32))

/* The decision on a first fragment. */
struct fragment_owner {
	__u16 port;    /* host byte order: destination on ingress, source on egress */
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP; 0: neither */
};

/* An entry: 46 bits of the hash, 2 of the transport, 16 of the port. The hash's lowest 11 bits lead
 * to the set, so another packet has the same ones once in 2^57. */
#define ENTRY_HASH      (~0ull << 18)
#define ENTRY_TRANSPORT 16 /* bits to the right of it */
#define ENTRY_TCP       1
#define ENTRY_UDP       2
#define ENTRY_OTHER     3

/* It begins with a secret, the random identity of the maps: else anybody could choose
 * identifications that push the fragments of others out of a set. The product of the halves depends
 * on the secret. Without it, packets that differ in the right bits of two words have the same hash,
 * whatever the secret is. */
static __always_inline __u64 hash_of_packet(const __u32 *words)
{
	__u32 first = 0;
	struct v2m_meta *known = bpf_map_lookup_elem(&meta, &first);
	__u64 hash = known ? *(__u64 *)known->identity : 0;

	for (unsigned i = 0; i < FRAGMENT_KEY_WORDS; i += 2) {
		hash ^= words[i] ^ (__u64)words[i + 1] << 32;
		hash = hash * 0x9e3779b97f4a7c15 ^ (hash & 0xffffffff) * (hash >> 32);
		hash ^= hash >> 32;
	}
	return hash;
}

static __always_inline struct v2m_fragment_set *find_set(__u64 hash)
{
	__u32 index = hash & (V2M_FRAGMENT_SETS - 1);

	return bpf_map_lookup_elem(&fragments, &index);
}

/* Returns the packet's entry, or 0. Another CPU moves entries in the direction in which this looks,
 * so it does not miss one. */
static __always_inline __u64 find_entry(struct v2m_fragment_set *set, __u64 hash, __u64 **place)
{
	for (int i = 0; i < V2M_FRAGMENT_WAYS; i++) {
		__u64 entry = *(volatile __u64 *)&set->entries[i];

		if (!((entry ^ hash) & ENTRY_HASH) && entry & ~ENTRY_HASH) {
			*place = &set->entries[i];
			return entry;
		}
	}
	return 0;
}

/* replace: the owner takes the place of one that is known for the packet. If two CPUs write to one
 * set at once, an entry may be lost; its later fragments are then unattributed. */
static __always_inline void remember_first(const struct v2m_fragment_key *identity,
					   const struct fragment_owner *owner, const bool replace)
{
	__u64 hash = hash_of_packet((const void *)identity);
	__u64 transport = owner->protocol == NEXT_TCP   ? ENTRY_TCP
			  : owner->protocol == NEXT_UDP ? ENTRY_UDP
							: ENTRY_OTHER;
	__u64 made = (hash & ENTRY_HASH) | transport << ENTRY_TRANSPORT | owner->port;
	struct v2m_fragment_set *set = find_set(hash);
	__u64 *place;

	if (!set)
		return;
	if (find_entry(set, hash, &place)) {
		if (replace)
			*(volatile __u64 *)place = made;
		return;
	}
	for (int i = V2M_FRAGMENT_WAYS - 1; i > 0; i--)
		*(volatile __u64 *)&set->entries[i] = *(volatile __u64 *)&set->entries[i - 1];
	*(volatile __u64 *)&set->entries[0] = made;
}

/* False if no first fragment of the packet is known. */
static __always_inline bool find_first(const struct v2m_fragment_key *identity,
				       struct fragment_owner *owner)
{
	__u64 hash = hash_of_packet((const void *)identity);
	struct v2m_fragment_set *set = find_set(hash);
	__u64 *place;
	__u64 entry = set ? find_entry(set, hash, &place) : 0;
	__u64 transport = entry >> ENTRY_TRANSPORT & 3;

	owner->port = (__u16)entry;
	owner->protocol = transport == ENTRY_TCP ? NEXT_TCP : transport == ENTRY_UDP ? NEXT_UDP : 0;
	return entry;
}

#endif
