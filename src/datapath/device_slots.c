// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/device_slots.h"

/* Finds the element of device_counters that belongs to a device, by index and name. So a new device
 * that got an old index, or a renamed device, does not continue the figures of another one. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/grace.h"
#include "datapath/map_list.h"
#include "datapath/state.h"
#include "base/cleanup.h"
#include "base/clock.h"

int v2m_device_slots_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	V2M_FREE struct v2m_device_counters *copies =
		calloc((size_t)datapath->cpus, sizeof(*copies));

	if (!copies)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (uint32_t slot = 0; slot < V2M_MAX_DEVICES; slot++) {
		struct v2m_device_slot *use = &datapath->devices[slot];
		int result =
			bpf_map_lookup_elem(datapath->maps[V2M_MAP_DEVICE_COUNTERS], &slot, copies);

		if (result)
			return v2m_error_set(error, result, "cannot read device_counters: %s",
					     strerror(-result));
		use->ifindex = copies[0].ifindex;
		use->assigned_ns = copies[0].assigned_ns;
		memcpy(use->name, copies[0].name, sizeof(use->name));
	}
	return 0;
}

static int find(const struct v2m_datapath *datapath, const struct v2m_device *device)
{
	int best = -ENOENT;

	for (int slot = 0; slot < V2M_MAX_DEVICES; slot++) {
		const struct v2m_device_slot *use = &datapath->devices[slot];

		if (use->ifindex == device->ifindex &&
		    strncmp(use->name, device->name, sizeof(use->name)) == 0 &&
		    (best < 0 || use->assigned_ns > datapath->devices[best].assigned_ns))
			best = slot;
	}
	return best;
}

const char *v2m_datapath_device_name(const struct v2m_datapath *datapath, uint32_t ifindex)
{
	const struct v2m_device_slot *latest = NULL;

	for (int slot = 0; slot < V2M_MAX_DEVICES; slot++) {
		const struct v2m_device_slot *use = &datapath->devices[slot];

		if (use->ifindex == ifindex && (!latest || use->assigned_ns > latest->assigned_ns))
			latest = use;
	}
	return latest && memchr(latest->name, 0, sizeof(latest->name)) ? latest->name : NULL;
}

/* Finds a slot that no program counts in: a slot that was never used, otherwise one of a device
 * without pins. */
static int find_free(const struct v2m_datapath *datapath)
{
	uint32_t pinned[V2M_MAX_DEVICES];
	int n_pinned = v2m_pins_devices(&datapath->pins, pinned, V2M_MAX_DEVICES);

	if (n_pinned < 0)
		return n_pinned;
	for (int slot = 0; slot < V2M_MAX_DEVICES; slot++)
		if (!datapath->devices[slot].ifindex)
			return slot;
	for (int slot = 0; slot < V2M_MAX_DEVICES; slot++) {
		bool in_use = datapath->devices[slot].attached;

		for (int i = 0; i < n_pinned && !in_use; i++)
			in_use = pinned[i] == datapath->devices[slot].ifindex;
		if (!in_use)
			return slot;
	}
	return -ENOSPC;
}

/* Zeroes every CPU's copy. This is safe, because no program counts in the slot any more. */
static int claim(struct v2m_datapath *datapath, uint32_t slot, const struct v2m_device *device)
{
	V2M_FREE struct v2m_device_counters *copies =
		calloc((size_t)datapath->cpus, sizeof(*copies));
	struct v2m_device_slot *use = &datapath->devices[slot];
	struct v2m_device_slot claimed = {
		.ifindex = device->ifindex,
		.assigned_ns = (uint64_t)v2m_clock_real_us() * 1000,
	};
	int result = use->ifindex ? v2m_grace_period() : 0;

	if (!copies)
		return -ENOMEM;
	memcpy(claimed.name, device->name, sizeof(claimed.name));
	for (int cpu = 0; cpu < datapath->cpus; cpu++) {
		copies[cpu].ifindex = claimed.ifindex;
		copies[cpu].assigned_ns = claimed.assigned_ns;
		memcpy(copies[cpu].name, claimed.name, sizeof(claimed.name));
	}
	if (result == 0)
		result = bpf_map_update_elem(datapath->maps[V2M_MAP_DEVICE_COUNTERS], &slot, copies,
					     BPF_ANY);
	if (result == 0)
		*use = claimed;
	return result;
}

int v2m_device_slot_get(struct v2m_datapath *datapath, const struct v2m_device *device,
			struct v2m_error *error)
{
	int slot = find(datapath, device);
	int result = 0;

	if (slot >= 0)
		return slot;
	slot = find_free(datapath);
	if (slot >= 0)
		result = claim(datapath, (uint32_t)slot, device);
	if (slot < 0 || result)
		return v2m_error_set(error, slot < 0 ? slot : result,
				     "no place to count on %s (at most %d devices): %s",
				     device->name, V2M_MAX_DEVICES,
				     strerror(slot < 0 ? -slot : -result));
	return slot;
}
