// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/fragment_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "datapath/reassembly.h"

/* So long after the last such fragment, fragments are said to be inexact. */
#define INEXACT_NS (3600 * UINT64_C(1000000000))

static struct v2m_reassembly_entry entry_of(const struct v2m_device *device)
{
	return (struct v2m_reassembly_entry){
		.ifindex = device->ifindex,
		.device.loopback = device->loopback,
		.device.host_only = device->host_only,
		.device.forwards = device->forwards,
	};
}

static const struct v2m_device *find(const struct v2m_chosen_device *chosen, size_t count,
				     uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (chosen[i].device.ifindex == ifindex)
			return &chosen[i].device;
	return NULL;
}

/* 0 or -errno. */
static int set_devices(struct v2m_links *links, struct v2m_datapath *datapath,
		       const struct v2m_chosen_device *chosen, size_t n_chosen,
		       struct v2m_error *error)
{
	V2M_FREE struct v2m_stacked_link *stacked = NULL;
	V2M_FREE struct v2m_reassembly_entry *entries = NULL;
	size_t n_stacked = 0;
	size_t n = 0;
	int result = v2m_links_stacked(links, chosen, n_chosen, &stacked, &n_stacked, error);

	if (result)
		return result;
	entries = calloc(n_chosen + n_stacked + 1, sizeof(*entries));
	if (!entries)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (; n < n_chosen; n++)
		entries[n] = entry_of(&chosen[n].device);
	for (size_t i = 0; i < n_stacked; i++) {
		const struct v2m_device *below = find(chosen, n_chosen, stacked[i].device);

		if (!below)
			continue;
		entries[n] = entry_of(below);
		entries[n].ifindex = stacked[i].ifindex;
		entries[n++].device.tags = stacked[i].tags;
	}
	return v2m_datapath_set_reassembly_devices(datapath, entries, n, error);
}

void v2m_fragment_watch_devices(struct v2m_links *links, struct v2m_datapath *datapath,
				const struct v2m_chosen_device *chosen, size_t n_chosen)
{
	struct v2m_error error = { 0 };

	if (set_devices(links, datapath, chosen, n_chosen, &error))
		v2m_log_error("fragments are not counted on new devices: %s", error.text);
}

void v2m_fragment_watch_check(struct v2m_fragment_watch *watch, const struct v2m_datapath *datapath,
			      struct v2m_conditions *conditions)
{
	struct v2m_fragment_figures figures;
	uint64_t now = v2m_clock_mono_ns();
	uint64_t inexact;

	if (!datapath || v2m_datapath_fragment_figures(datapath, &figures))
		return;
	inexact = figures.guessed + figures.lost;
	if (watch->known && inexact != watch->inexact)
		watch->inexact_ns = now;
	watch->inexact = inexact;
	watch->known = true;
	if (!watch->inexact_ns || now - watch->inexact_ns > INEXACT_NS)
		v2m_conditions_clear(conditions, V2M_FRAGMENTS_INEXACT);
	else if (v2m_conditions_set(
			 conditions, V2M_FRAGMENTS_INEXACT,
			 figures.observed
				 ? "fragments of datagrams that were delivered could not be "
				   "counted for a port"
				 : "keys receive fragments, and the kernel does not let us see "
				   "them put together: they count for the port of the first "
				   "fragment seen, which a stranger can forge"))
		v2m_log_warning("fragments that arrive are not counted exactly");
}
