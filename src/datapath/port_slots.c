// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/port_slots.h"

/* Which element of port_counters belongs to which port. A port keeps its slot, also while it is not
 * monitored, until all others are taken. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/transport.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/grace.h"
#include "datapath/map_list.h"
#include "datapath/state.h"

static int write_port_slot(struct v2m_datapath *datapath, uint16_t port, struct v2m_port_slot rule)
{
	uint32_t key = port;

	return bpf_map_update_elem(datapath->maps[V2M_MAP_PORT_SLOT], &key, &rule, BPF_ANY);
}

static int read_slot(struct v2m_datapath *datapath, uint32_t slot, struct v2m_port_counters *copies)
{
	struct v2m_port_use *use = &datapath->ports[slot];
	struct v2m_port_slot rule;
	uint32_t key;
	int result = bpf_map_lookup_elem(datapath->maps[V2M_MAP_PORT_COUNTERS], &slot, copies);

	if (result || !copies[0].port)
		return result;
	key = copies[0].port;
	result = bpf_map_lookup_elem(datapath->maps[V2M_MAP_PORT_SLOT], &key, &rule);
	if (result)
		return result;
	use->port = copies[0].port;
	use->assigned_ns = copies[0].assigned_ns;
	use->rule = rule;
	use->counted = (rule.tcp || rule.udp) && rule.slot == slot;
	datapath->used_slots = slot + 1;
	/* Two slots of one port: the one that the programs use, or else the later one. */
	if (!datapath->has_slot[use->port] || use->counted) {
		datapath->has_slot[use->port] = true;
		datapath->slot_of[use->port] = (uint16_t)slot;
	}
	return 0;
}

int v2m_port_slots_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	V2M_FREE struct v2m_port_counters *copies = calloc((size_t)datapath->cpus, sizeof(*copies));
	int result = copies ? 0 : -ENOMEM;

	for (uint32_t slot = 0; slot < V2M_MAX_PORTS && result == 0; slot++)
		result = read_slot(datapath, slot, copies);
	if (result)
		return v2m_error_set(error, result, "cannot read port_counters: %s",
				     strerror(-result));
	return 0;
}

static struct v2m_port_slot wanted_rule(const struct v2m_port_rule *rule, uint16_t slot)
{
	return (struct v2m_port_slot){
		.slot = slot & (V2M_MAX_PORTS - 1),
		.tcp = (rule->transports & V2M_TCP) != 0,
		.udp = (rule->transports & V2M_UDP) != 0,
		.loopback = rule->loopback,
		.shared = rule->shared,
	};
}

static bool is_wanted(const struct v2m_port_rule *rules, size_t count, uint16_t port)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;

		if (rules[middle].port == port)
			return rules[middle].transports != 0;
		if (rules[middle].port < port)
			low = middle + 1;
		else
			count = middle;
	}
	return false;
}

/* Stops counting what is not wanted any more. Programs that have looked up a slot still count in it
 * until they end, which the last reading waits for. */
static int retire(struct v2m_datapath *datapath, const struct v2m_port_rule *rules, size_t count)
{
	bool retired = false;

	for (unsigned slot = 0; slot < datapath->used_slots; slot++) {
		struct v2m_port_use *use = &datapath->ports[slot];
		int result;

		retired |= use->leaving;
		if (!use->counted || is_wanted(rules, count, use->port))
			continue;
		result = write_port_slot(datapath, use->port, (struct v2m_port_slot){});
		if (result)
			return result;
		use->counted = false;
		use->leaving = true;
		use->rule = (struct v2m_port_slot){};
		retired = true;
	}
	return retired ? v2m_grace_period() : 0;
}

/* Never used ones first, then the one that was assigned longest ago. Not one whose last bytes
 * nobody has read: -EBUSY where there are no others. */
static int find_free(const struct v2m_datapath *datapath, const bool *reserved)
{
	int oldest = -ENOSPC;

	if (datapath->used_slots < V2M_MAX_PORTS)
		return (int)datapath->used_slots;
	for (int slot = 0; slot < V2M_MAX_PORTS; slot++) {
		const struct v2m_port_use *use = &datapath->ports[slot];

		if (use->counted || reserved[slot])
			continue;
		if (use->leaving)
			oldest = oldest < 0 ? -EBUSY : oldest;
		else if (oldest < 0 || use->assigned_ns < datapath->ports[oldest].assigned_ns)
			oldest = slot;
	}
	return oldest;
}

/* Writes zeros with the new owner's name in every CPU's copy: safe as no program counts here. */
static int claim(struct v2m_datapath *datapath, uint32_t slot, uint16_t port,
		 struct v2m_port_counters *copies)
{
	struct v2m_port_use *use = &datapath->ports[slot];
	uint64_t now_ns = (uint64_t)v2m_clock_real_us() * 1000;
	int result;

	/* Unlike any earlier use's, also where the clock was set back or stands. */
	if (now_ns <= use->assigned_ns)
		now_ns = use->assigned_ns + 1;
	memset(copies, 0, (size_t)datapath->cpus * sizeof(*copies));
	for (int cpu = 0; cpu < datapath->cpus; cpu++) {
		copies[cpu].port = port;
		copies[cpu].assigned_ns = now_ns;
	}
	result = bpf_map_update_elem(datapath->maps[V2M_MAP_PORT_COUNTERS], &slot, copies, BPF_ANY);
	if (result)
		return result;
	if (use->port && datapath->slot_of[use->port] == slot)
		datapath->has_slot[use->port] = false;
	*use = (struct v2m_port_use){ .port = port, .assigned_ns = now_ns };
	datapath->has_slot[port] = true;
	datapath->slot_of[port] = (uint16_t)slot;
	if (slot >= datapath->used_slots)
		datapath->used_slots = slot + 1;
	return 0;
}

/* State of one call of set_ports. */
struct placing {
	struct v2m_port_counters *copies;
	bool *reserved; /* slots that ports of this call have already */
	bool waited;    /* for the programs that may still use retired slots */
};

/* The slot of a port; a new one where it has none. Or -errno; -ENOSPC: all are in use. */
static int slot_for(struct v2m_datapath *datapath, uint16_t port, struct placing *placing)
{
	int slot;
	int result;

	if (datapath->has_slot[port])
		return datapath->slot_of[port];
	slot = find_free(datapath, placing->reserved);
	if (slot < 0)
		return slot;
	if (datapath->ports[slot].port && !placing->waited) {
		result = v2m_grace_period();
		if (result)
			return result;
		placing->waited = true;
	}
	result = claim(datapath, (uint32_t)slot, port, placing->copies);
	return result ? result : slot;
}

static int place(struct v2m_datapath *datapath, const struct v2m_port_rule *rule,
		 struct placing *placing)
{
	int slot = slot_for(datapath, rule->port, placing);
	struct v2m_port_slot wanted;
	struct v2m_port_use *use;
	int result = 0;

	if (slot < 0)
		return slot;
	placing->reserved[slot] = true;
	use = &datapath->ports[slot];
	wanted = wanted_rule(rule, (uint16_t)slot);
	if (memcmp(&use->rule, &wanted, sizeof(wanted)))
		result = write_port_slot(datapath, rule->port, wanted);
	if (result)
		return result;
	use->rule = wanted;
	use->counted = wanted.tcp || wanted.udp;
	use->leaving = false;
	return 0;
}

static void reserve_kept(const struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			 size_t count, bool *reserved)
{
	for (size_t i = 0; i < count; i++)
		if (datapath->has_slot[rules[i].port])
			reserved[datapath->slot_of[rules[i].port]] = true;
}

int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error)
{
	V2M_FREE struct v2m_port_counters *copies = calloc((size_t)datapath->cpus, sizeof(*copies));
	V2M_FREE bool *reserved = calloc(V2M_MAX_PORTS, sizeof(*reserved));
	struct placing placing = { .copies = copies, .reserved = reserved };
	size_t fitting = count < V2M_MAX_PORTS ? count : V2M_MAX_PORTS;
	size_t placed = 0;
	int result;

	if (!copies || !reserved)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	result = retire(datapath, rules, fitting);
	reserve_kept(datapath, rules, fitting, reserved);
	while (result == 0 && placed < fitting) {
		result = place(datapath, &rules[placed], &placing);
		if (result == 0)
			placed++;
	}
	if (result)
		return v2m_error_set(error, result, "cannot set the monitored ports: %s",
				     strerror(-result));
	return (int)placed;
}
