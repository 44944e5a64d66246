// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/attach.h"

/* Attaches the programs to devices and keeps them attached, by tcx if the kernel has it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "netlink/tc_netlink.h"
#include "datapath/attach_clsact.h"
#include "datapath/attach_tcx.h"
#include "datapath/device_slots.h"
#include "datapath/maps.h"
#include "datapath/program.h"
#include "datapath/reassembly.h"
#include "datapath/state.h"
#include "datapath/strays.h"
#include "datapath/take_off.h"

/* The two ways to attach. */
struct way {
	const char *name;
	int (*put)(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		   int program, bool *missing);
	bool (*intact)(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id);
	bool (*outrun)(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id);
};

static const struct way tcx = { "tcx", v2m_tcx_put, v2m_tcx_intact, v2m_tcx_outrun };
static const struct way clsact = { "clsact", v2m_clsact_put, v2m_clsact_intact, v2m_clsact_outrun };

/* A device keeps the way that it was first attached by. With both ways at once, packets would count
 * twice; with none, they would be missed. */
static const struct way *way_of(const struct v2m_datapath *datapath, uint32_t ifindex)
{
	if (v2m_tcx_pinned(&datapath->pins, ifindex))
		return &tcx;
	if (datapath->force_clsact || v2m_clsact_pinned(&datapath->pins, ifindex) ||
	    v2m_clsact_stands(&datapath->pins, ifindex))
		return &clsact;
	return &tcx;
}

static struct v2m_device_slot *attached_slot(struct v2m_datapath *datapath, uint32_t ifindex)
{
	for (int slot = 0; slot < V2M_MAX_DEVICES; slot++) {
		struct v2m_device_slot *use = &datapath->devices[slot];

		if (use->attached && use->ifindex == ifindex)
			return use;
	}
	return NULL;
}

static bool is_same(const struct v2m_device *a, const struct v2m_device *b)
{
	return a->ifindex == b->ifindex && strncmp(a->name, b->name, sizeof(a->name)) == 0 &&
	       a->link_header == b->link_header && a->loopback == b->loopback &&
	       a->host_only == b->host_only && a->forwards == b->forwards;
}

/* Logs it once for each time that a program of somebody else is put before ours. */
static void report_outrun(const struct v2m_datapath *datapath, const struct way *way,
			  struct v2m_device_slot *use)
{
	bool outrun = false;

	for (int direction = V2M_INGRESS; direction <= V2M_EGRESS; direction++)
		outrun |= way->outrun(&datapath->pins, use->ifindex, (enum v2m_direction)direction,
				      use->program_ids[direction]);
	if (outrun && !use->outrun)
		v2m_log_warning("%s: another program runs before ours: what it drops or accepts "
				"is not counted",
				use->name);
	use->outrun = outrun;
}

static bool is_intact(const struct v2m_datapath *datapath, const struct way *way,
		      const struct v2m_device_slot *use)
{
	for (int direction = V2M_INGRESS; direction <= V2M_EGRESS; direction++)
		if (!way->intact(&datapath->pins, use->ifindex, (enum v2m_direction)direction,
				 use->program_ids[direction]))
			return false;
	return true;
}

static int put_both(struct v2m_datapath *datapath, const struct way *way, uint32_t ifindex,
		    const int programs[V2M_N_DIRECTIONS], bool *missing)
{
	int result =
		way->put(&datapath->pins, ifindex, V2M_INGRESS, programs[V2M_INGRESS], missing);

	if (result)
		return result;
	return way->put(&datapath->pins, ifindex, V2M_EGRESS, programs[V2M_EGRESS], missing);
}

/* Only an attempt shows if the kernel has tcx: an older kernel does not know the attach type. */
static int put(struct v2m_datapath *datapath, uint32_t ifindex,
	       const int programs[V2M_N_DIRECTIONS], const struct way **way, bool *missing)
{
	int result;

	*way = way_of(datapath, ifindex);
	result = put_both(datapath, *way, ifindex, programs, missing);
	if (*way == &tcx && (result == -EINVAL || result == -EOPNOTSUPP)) {
		v2m_tcx_take_off(&datapath->pins, ifindex);
		*way = &clsact;
		result = put_both(datapath, *way, ifindex, programs, missing);
	}
	return result;
}

/* Somebody has put an ingress qdisc in the place of clsact. It has no egress, and only its owner
 * may replace it. */
static int explain(const struct v2m_device *device, const struct way *way, int result,
		   struct v2m_error *error)
{
	const char *name = device->name;
	enum v2m_tc_hook hook = V2M_TC_NONE;

	if (way == &clsact && v2m_tc_hook(device->ifindex, &hook) == 0 && hook == V2M_TC_INGRESS)
		return v2m_error_set(
			error, result,
			"an ingress qdisc on %s leaves no room for clsact, which does "
			"the same and more: \"tc qdisc del dev %s ingress; tc qdisc add "
			"dev %s clsact\", then add its filters again",
			name, name, name);
	return v2m_error_set(error, result, "cannot attach to %s by %s: %s", name, way->name,
			     strerror(-result));
}

static int load_and_put(struct v2m_datapath *datapath, const struct v2m_device *device, int slot,
			bool *missing, struct v2m_error *error)
{
	struct v2m_device_config config = {
		.device_slot = (uint32_t)slot,
		.link_header = device->link_header,
		.loopback = device->loopback,
		.host_only = device->host_only,
		.forwards = device->forwards,
	};
	struct v2m_device_slot *use = &datapath->devices[slot];
	int programs[V2M_N_DIRECTIONS];
	const struct way *way;
	int result = v2m_programs_load(datapath, &config, programs, error);

	if (result)
		return result;
	result = put(datapath, device->ifindex, programs, &way, missing);
	for (int i = 0; i < V2M_N_DIRECTIONS; i++) {
		use->program_ids[i] = v2m_program_id(programs[i]);
		close(programs[i]);
	}
	if (result)
		return explain(device, way, result, error);
	v2m_log_debug("%s (%u): attached by %s", device->name, device->ifindex, way->name);
	return 0;
}

int v2m_datapath_attach(struct v2m_datapath *datapath, const struct v2m_device *device,
			bool *repaired, struct v2m_error *error)
{
	struct v2m_device_slot *use = attached_slot(datapath, device->ifindex);
	bool missing = false;
	bool same = use && is_same(&use->device, device);
	int result = v2m_maps_keep_pinned(datapath, error);
	int slot;

	if (result)
		return result;
	v2m_reassembly_keep(datapath);
	if (same && is_intact(datapath, way_of(datapath, device->ifindex), use)) {
		report_outrun(datapath, way_of(datapath, device->ifindex), use);
		if (repaired)
			*repaired = false;
		return 0;
	}
	if (same)
		result = v2m_strays_take_back(datapath, error);
	if (result)
		return result;
	slot = v2m_device_slot_get(datapath, device, error);
	result = slot < 0 ? slot : load_and_put(datapath, device, slot, &missing, error);
	if (result)
		return result;
	v2m_strays_evict(datapath, device->ifindex);
	if (use)
		use->attached = false;
	datapath->devices[slot].device = *device;
	datapath->devices[slot].attached = true;
	datapath->devices[slot].outrun = false;
	if (repaired)
		*repaired = same || missing;
	return 0;
}

const char *v2m_datapath_kind(struct v2m_datapath *datapath, uint32_t ifindex, bool *outrun)
{
	const struct v2m_device_slot *use = attached_slot(datapath, ifindex);

	*outrun = use && use->outrun;
	return use ? way_of(datapath, ifindex)->name : "none";
}

int v2m_datapath_detach(struct v2m_datapath *datapath, uint32_t ifindex)
{
	struct v2m_device_slot *use = attached_slot(datapath, ifindex);
	int result = v2m_take_off(&datapath->pins, ifindex);

	if (result == 0 && use)
		use->attached = false;
	return result;
}

int v2m_datapath_attached(struct v2m_datapath *datapath, uint32_t *ifindexes, size_t max)
{
	return v2m_pins_devices(&datapath->pins, ifindexes, max);
}
