// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/addresses.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"
#include "base/cleanup.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct v2m_local_address));
}

/* Deletes what is in the map and not in the sorted list. The next key is asked for before its
 * predecessor is deleted: from a deleted key the walk would start again. */
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

/* Old ones go first: the map has room for just as many as there may be. */
int v2m_datapath_set_addresses(struct v2m_datapath *datapath,
			       const struct v2m_local_address *addresses, size_t count,
			       struct v2m_error *error)
{
	int map = datapath->maps[V2M_MAP_LOCAL_ADDRESSES];
	V2M_FREE struct v2m_local_address *sorted = calloc(count + 1, sizeof(*sorted));
	uint8_t present = 1;
	int result;

	if (!sorted)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	if (count > V2M_MAX_LOCAL_ADDRESSES)
		return v2m_error_set(error, -E2BIG, "this host has %zu addresses, more than %d",
				     count, V2M_MAX_LOCAL_ADDRESSES);
	if (count)
		memcpy(sorted, addresses, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	result = delete_others(map, sorted, count);
	for (size_t i = 0; i < count && result == 0; i++)
		result = bpf_map_update_elem(map, &sorted[i], &present, BPF_ANY);
	if (result)
		return v2m_error_set(error, result, "cannot write local_addresses: %s",
				     strerror(-result));
	return 0;
}
