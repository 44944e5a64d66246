// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/foreign.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "datapath/counters.h"
#include "datapath/map_list.h"
#include "datapath/state.h"

#define PORTS 65536
/* All entries, and more than any bucket of the map holds, otherwise the kernel answers ENOSPC. */
#define CHUNK (V2M_MAX_FOREIGN_FLOWS + 4096)

/* Marks them in the copies of one CPU and direction. Programs may write the same bit meanwhile, and
 * nobody clears it. */
static void mark_part(struct v2m_port_counters *counters, const struct v2m_foreign_flow *flows,
		      size_t count, const struct v2m_port_slot *places)
{
	for (size_t i = 0; i < count; i++) {
		const struct v2m_port_slot *place = &places[flows[i].port];
		struct v2m_transport_slot slot =
			flows[i].protocol == IPPROTO_TCP ? place->tcp : place->udp;

		if (slot.counted)
			__atomic_fetch_or(&counters[slot.slot].tx, V2M_HAS_FOREIGN,
					  __ATOMIC_RELAXED);
	}
}

/* 0 or -errno. */
static int mark(const struct v2m_datapath *datapath, const struct v2m_foreign_flow *flows,
		size_t count, const struct v2m_port_slot *places)
{
	for (int part = 0; count && part < datapath->cpu_ids * 2; part++) {
		struct v2m_port_counters *counters = v2m_counters_map(
			datapath, part / 2, (enum v2m_direction)(part % 2), V2M_MAX_SLOTS);

		if (!counters)
			return -errno;
		mark_part(counters, flows, count, places);
		v2m_counters_unmap(counters, V2M_MAX_SLOTS);
	}
	return 0;
}

int v2m_foreign_mark(const struct v2m_datapath *datapath, const struct v2m_port_slot places[65536])
{
	V2M_FREE struct v2m_foreign_flow *flows = calloc(CHUNK, sizeof(*flows));
	V2M_FREE uint8_t *values = calloc(CHUNK, sizeof(*values));
	uint32_t count = CHUNK;
	uint32_t cursor;
	int result;

	if (!flows || !values)
		return -ENOMEM;
	result = bpf_map_lookup_batch(datapath->maps[V2M_MAP_FOREIGN_FLOWS], NULL, &cursor, flows,
				      values, &count, NULL);
	if (result && result != -ENOENT)
		return result;
	return mark(datapath, flows, count, places);
}

/* 0 or -errno. */
static int add(const struct v2m_datapath *datapath, const struct v2m_foreign_flows *flows)
{
	V2M_FREE struct v2m_port_slot *places = calloc(PORTS, sizeof(*places));
	const uint8_t present = 1;
	struct v2m_port_element *elements;
	int result = places ? 0 : -ENOMEM;

	for (size_t i = 0; i < flows->count && !result; i++)
		result = bpf_map_update_elem(datapath->maps[V2M_MAP_FOREIGN_FLOWS],
					     &flows->items[i], &present, BPF_ANY);
	if (result)
		return result;
	elements = v2m_port_elements_map(datapath);
	if (!elements)
		return -errno;
	for (unsigned port = 0; port < PORTS; port++)
		places[port] = v2m_port_element_get(&elements[port]);
	v2m_port_elements_unmap(elements);
	return mark(datapath, flows->items, flows->count, places);
}

int v2m_foreign_add(const struct v2m_datapath *datapath, const struct v2m_foreign_flows *flows,
		    struct v2m_error *error)
{
	int result = flows->count ? add(datapath, flows) : 0;

	if (result)
		return v2m_error_set(error, result,
				     "connections that began on this host and have a key's port "
				     "number count for the key: %s",
				     strerror(-result));
	return 0;
}
