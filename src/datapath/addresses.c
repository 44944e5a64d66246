// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/addresses.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"
#include "base/cleanup.h"
#include "datapath/grace.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct v2m_local_address));
}

/* The wanted addresses: the host's own ones sorted, and all of them sorted. */
struct wanted {
	struct v2m_local_address *own;
	size_t n_own;
	struct v2m_local_address *all;
	size_t n_all;
};

/* Deletes from the map what is not in the sorted list. The next key is read before the current one
 * is deleted, because the walk starts again after a deleted key. */
static int delete_others(int map, const struct v2m_local_address *sorted, size_t count)
{
	struct v2m_local_address key;
	struct v2m_local_address next;
	int result = bpf_map_get_next_key(map, NULL, &next);

	while (result == 0) {
		key = next;
		result = bpf_map_get_next_key(map, &key, &next);
		if (bsearch(&key, sorted, count, sizeof(key), compare))
			continue;
		if (bpf_map_delete_elem(map, &key) && errno != ENOENT)
			return -errno;
	}
	return result == -ENOENT ? 0 : result;
}

static bool is_ipv4(const struct v2m_local_address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address->address, mapped, sizeof(mapped)) == 0;
}

/* fe80::/10. Every device has such an address, and few packets of customers go to it. */
static bool is_link_local(const struct v2m_local_address *address)
{
	return address->address[0] == 0xfe && (address->address[1] & 0xc0) == 0x80;
}

static void add_ipv4(struct v2m_own_addresses *own, const struct v2m_local_address *address)
{
	if (own->ipv4_count == V2M_OWN_IPV4)
		own->ipv4_state = V2M_OWN_SOME;
	else
		memcpy(&own->ipv4[own->ipv4_count++], address->address + 12, 4);
}

static void add_ipv6(struct v2m_own_addresses *own, const struct v2m_local_address *address)
{
	if (own->ipv6_count == V2M_OWN_IPV6)
		own->ipv6_state = V2M_OWN_SOME;
	else
		memcpy(own->ipv6[own->ipv6_count++], address->address, 16);
}

void v2m_own_addresses_make(const struct v2m_local_address *sorted, size_t count,
			    struct v2m_own_addresses *own)
{
	*own = (struct v2m_own_addresses){ .ipv4_state = V2M_OWN_ALL, .ipv6_state = V2M_OWN_ALL };
	for (size_t i = 0; i < count; i++) {
		if (is_ipv4(&sorted[i]))
			add_ipv4(own, &sorted[i]);
		else if (!is_link_local(&sorted[i]))
			add_ipv6(own, &sorted[i]);
	}
	for (size_t i = 0; i < count; i++)
		if (is_link_local(&sorted[i]))
			add_ipv6(own, &sorted[i]);
}

/* Deletes old addresses first, because the map has no room for more than the allowed number. */
static int update_list(int map, const struct wanted *wanted)
{
	int result = delete_others(map, wanted->all, wanted->n_all);

	for (size_t i = 0; i < wanted->n_all && result == 0; i++) {
		bool own = bsearch(&wanted->all[i], wanted->own, wanted->n_own,
				   sizeof(*wanted->own), compare) != NULL;
		uint8_t whose = own ? V2M_OF_HOST : V2M_OF_NETNS;

		result = bpf_map_update_elem(map, &wanted->all[i], &whose, BPF_ANY);
	}
	return result;
}

/* Those of a namespace are in the list alone. */
static void make_own(const struct wanted *addresses, struct v2m_own_addresses *own)
{
	v2m_own_addresses_make(addresses->own, addresses->n_own, own);
	if (addresses->n_all == addresses->n_own)
		return;
	own->ipv4_state = V2M_OWN_SOME;
	own->ipv6_state = V2M_OWN_SOME;
}

/* Writes the addresses with the state V2M_OWN_ELSEWHERE, so that the programs use the list. Returns
 * after every program that may have read an earlier state has ended. */
static int put_aside(int map, const struct v2m_own_addresses *own)
{
	struct v2m_own_addresses aside = *own;
	uint32_t first = 0;
	int result;

	aside.ipv4_state = V2M_OWN_ELSEWHERE;
	aside.ipv6_state = V2M_OWN_ELSEWHERE;
	result = bpf_map_update_elem(map, &first, &aside, BPF_ANY);
	return result ? result : v2m_grace_period();
}

/*
 * While own_addresses changes, the programs use the list. So they never take one of our addresses
 * for a foreign one, and never read half an address. If the change fails, they keep using the list:
 * that is slower, but correct.
 */
static int update(struct v2m_datapath *datapath, const struct wanted *addresses)
{
	int list = datapath->maps[V2M_MAP_LOCAL_ADDRESSES];
	int map = datapath->maps[V2M_MAP_OWN_ADDRESSES];
	struct v2m_own_addresses wanted;
	struct v2m_own_addresses found;
	uint32_t first = 0;
	int result = bpf_map_lookup_elem(map, &first, &found);

	if (result)
		return result;
	make_own(addresses, &wanted);
	if (memcmp(&found, &wanted, sizeof(found)) == 0)
		return update_list(list, addresses);
	result = put_aside(map, &found);
	if (result == 0)
		result = update_list(list, addresses);
	if (result == 0)
		result = put_aside(map, &wanted);
	if (result == 0)
		result = bpf_map_update_elem(map, &first, &wanted, BPF_ANY);
	return result;
}

/* Sorts, and drops what is there twice. */
static size_t sort(struct v2m_local_address *items, size_t count)
{
	size_t n = 0;

	qsort(items, count, sizeof(*items), compare);
	for (size_t i = 0; i < count; i++)
		if (!n || compare(&items[n - 1], &items[i]))
			items[n++] = items[i];
	return n;
}

int v2m_datapath_set_addresses(struct v2m_datapath *datapath, struct v2m_addresses own,
			       struct v2m_addresses netns, struct v2m_error *error)
{
	size_t count = own.count + netns.count;
	V2M_FREE struct v2m_local_address *sorted = calloc(own.count + 1, sizeof(*sorted));
	V2M_FREE struct v2m_local_address *all = calloc(count + 1, sizeof(*all));
	struct wanted wanted = { .own = sorted, .all = all };
	int result;

	if (!sorted || !all)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < own.count; i++)
		sorted[i] = all[i] = own.items[i];
	for (size_t i = 0; i < netns.count; i++)
		all[own.count + i] = netns.items[i];
	wanted.n_own = sort(sorted, own.count);
	wanted.n_all = sort(all, count);
	if (wanted.n_all > V2M_MAX_LOCAL_ADDRESSES)
		return v2m_error_set(error, -E2BIG, "this host has %zu addresses, more than %d",
				     wanted.n_all, V2M_MAX_LOCAL_ADDRESSES);
	result = update(datapath, &wanted);
	if (result)
		return v2m_error_set(error, result, "cannot write the host's addresses: %s",
				     strerror(-result));
	return 0;
}
