// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/counters.h"

/* Reads port_counters and device_counters and sums the CPUs' copies. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "datapath/map_list.h"
#include "datapath/owners.h"
#include "datapath/state.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/clock.h"
#include "base/sample.h"

#define PORTS 65536

static void add_tally(struct v2m_tally *sum, const struct v2m_tally *tally)
{
	sum->packets += tally->packets;
	sum->wire_bytes += tally->wire_bytes;
}

static void add_device_flow(struct v2m_device_flow *sum, const struct v2m_device_flow *flow)
{
	add_tally(&sum->seen, &flow->seen);
	add_tally(&sum->keys, &flow->keys);
	add_tally(&sum->fragments, &flow->fragments);
	add_tally(&sum->unattributed, &flow->unattributed);
	add_tally(&sum->other, &flow->other);
	add_tally(&sum->too_deep, &flow->too_deep);
	add_tally(&sum->foreign, &flow->foreign);
}

int v2m_cpu_ids(void)
{
	V2M_FREE char *text = NULL;
	const char *last;
	size_t length;
	int result = v2m_read_file("/sys/devices/system/cpu/possible", 4096, &text, &length);
	int highest;

	if (result)
		return result;
	/* The file reads like "0-3,8-11", so the highest number may be above the number of CPUs. */
	last = text + strlen(text);
	while (last > text && !strchr("-,", last[-1]))
		last--;
	return sscanf(last, "%d", &highest) == 1 && highest >= 0 ? highest + 1 : -EPROTO;
}

struct v2m_port_counters *v2m_counters_map(const struct v2m_datapath *datapath, int cpu,
					   enum v2m_direction direction, unsigned count)
{
	size_t first = v2m_counter_index((uint32_t)cpu, direction == V2M_EGRESS, 0);
	void *memory = mmap(NULL, count * sizeof(struct v2m_port_counters), PROT_READ | PROT_WRITE,
			    MAP_SHARED, datapath->maps[V2M_MAP_PORT_COUNTERS],
			    (off_t)(first * sizeof(struct v2m_port_counters)));

	return memory == MAP_FAILED ? NULL : memory;
}

void v2m_counters_unmap(struct v2m_port_counters *counters, unsigned count)
{
	munmap(counters, count * sizeof(*counters));
}

struct v2m_port_element *v2m_port_elements_map(const struct v2m_datapath *datapath)
{
	void *memory = mmap(NULL, PORTS * sizeof(struct v2m_port_element), PROT_READ | PROT_WRITE,
			    MAP_SHARED, datapath->maps[V2M_MAP_PORT_SLOT], 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void v2m_port_elements_unmap(struct v2m_port_element *elements)
{
	if (elements)
		munmap(elements, PORTS * sizeof(*elements));
}

struct v2m_port_slot v2m_port_element_get(const struct v2m_port_element *element)
{
	uint32_t value = __atomic_load_n(&element->value, __ATOMIC_RELAXED);
	struct v2m_port_slot slot;

	memcpy(&slot, &value, sizeof(slot));
	return slot;
}

static bool is_reported(const struct v2m_slot_use *use)
{
	return use->counted || use->leaving;
}

/* Programs add to them meanwhile. */
static void add_live_flow(struct v2m_flow *sum, const struct v2m_flow *flow)
{
	sum->packets += __atomic_load_n(&flow->packets, __ATOMIC_RELAXED);
	sum->wire_bytes += __atomic_load_n(&flow->wire_bytes, __ATOMIC_RELAXED);
	sum->payload_bytes += __atomic_load_n(&flow->payload_bytes, __ATOMIC_RELAXED);
}

/* Adds the counters of one CPU and direction, for all slots of the sample. */
static int add_part(const struct v2m_datapath *datapath, int cpu, enum v2m_direction direction,
		    struct v2m_sample *sample)
{
	struct v2m_port_counters *counters =
		v2m_counters_map(datapath, cpu, direction, datapath->used_slots);

	if (!counters)
		return -errno;
	for (size_t i = 0; i < sample->n_ports; i++) {
		struct v2m_port_sample *sum = &sample->ports[i];
		const struct v2m_port_counters *copy = &counters[sum->slot];

		add_live_flow(direction == V2M_EGRESS ? &sum->tcp_tx : &sum->tcp_rx, &copy->tcp);
		add_live_flow(direction == V2M_EGRESS ? &sum->udp_tx : &sum->udp_rx, &copy->udp);
	}
	v2m_counters_unmap(counters, datapath->used_slots);
	return 0;
}

int v2m_port_sample_compare(const void *a, const void *b)
{
	const struct v2m_port_sample *left = a;
	const struct v2m_port_sample *right = b;

	if (left->port != right->port)
		return (int)left->port - (int)right->port;
	if (left->transports != right->transports)
		return (int)left->transports - (int)right->transports;
	return (int)left->slot - (int)right->slot;
}

static int read_ports(const struct v2m_datapath *datapath, struct v2m_sample *sample)
{
	int result = 0;

	sample->ports = calloc(datapath->used_slots + 1, sizeof(*sample->ports));
	if (!sample->ports)
		return -ENOMEM;
	for (unsigned slot = 0; slot < datapath->used_slots; slot++) {
		const struct v2m_slot_use *use = &datapath->slots[slot];

		if (is_reported(use))
			sample->ports[sample->n_ports++] = (struct v2m_port_sample){
				.port = use->first_port,
				.last_port = use->last_port,
				.slot = (uint16_t)slot,
				.transports = use->transports,
				.assigned_ns = use->assigned_ns,
			};
	}
	/* Mapping nothing is an error. */
	for (int cpu = 0; cpu < datapath->cpu_ids && sample->n_ports && result == 0; cpu++) {
		result = add_part(datapath, cpu, V2M_INGRESS, sample);
		if (result == 0)
			result = add_part(datapath, cpu, V2M_EGRESS, sample);
	}
	qsort(sample->ports, sample->n_ports, sizeof(*sample->ports), v2m_port_sample_compare);
	return result;
}

static int read_device(const struct v2m_datapath *datapath, uint32_t slot,
		       struct v2m_device_counters *copies, struct v2m_device_sample *device)
{
	const struct v2m_device_slot *use = &datapath->devices[slot];
	int result = bpf_map_lookup_elem(datapath->maps[V2M_MAP_DEVICE_COUNTERS], &slot, copies);

	if (result)
		return result;
	device->ifindex = use->ifindex;
	device->loopback = use->device.loopback;
	memcpy(device->name, use->name, sizeof(device->name));
	for (int cpu = 0; cpu < datapath->cpus; cpu++) {
		add_device_flow(&device->ingress, &copies[cpu].ingress);
		add_device_flow(&device->egress, &copies[cpu].egress);
	}
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct v2m_device_sample *left = a;
	const struct v2m_device_sample *right = b;

	return left->ifindex < right->ifindex ? -1 : left->ifindex > right->ifindex;
}

static int read_devices(const struct v2m_datapath *datapath, struct v2m_sample *sample)
{
	V2M_FREE struct v2m_device_counters *copies =
		calloc((size_t)datapath->cpus, sizeof(*copies));
	int result = 0;

	sample->devices = calloc(V2M_MAX_DEVICES, sizeof(*sample->devices));
	if (!copies || !sample->devices)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < V2M_MAX_DEVICES && result == 0; slot++)
		if (datapath->devices[slot].attached)
			result = read_device(datapath, slot, copies,
					     &sample->devices[sample->n_devices++]);
	qsort(sample->devices, sample->n_devices, sizeof(*sample->devices), by_ifindex);
	return result;
}

int v2m_datapath_read(struct v2m_datapath *datapath, struct v2m_sample *sample,
		      struct v2m_error *error)
{
	struct v2m_sample made = {
		.mode = V2M_MODE_EBPF,
		.mono_ns = v2m_clock_mono_ns(),
		.real_us = v2m_clock_real_us(),
	};
	/* The programs add to the slot first. */
	int result = v2m_owners_read(datapath, &made);

	if (result == 0)
		result = read_ports(datapath, &made);
	if (result == 0)
		result = read_devices(datapath, &made);
	if (result) {
		v2m_sample_clear(&made);
		return v2m_error_set(error, result, "cannot read the counters: %s",
				     strerror(-result));
	}
	memcpy(made.epoch, datapath->meta.identity, sizeof(made.epoch));
	for (unsigned slot = 0; slot < datapath->used_slots; slot++)
		datapath->slots[slot].leaving = false;
	v2m_owners_were_read(datapath);
	*sample = made;
	return 0;
}
