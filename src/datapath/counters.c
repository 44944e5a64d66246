// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/counters.h"

/* Reads port_counters and device_counters and sums the CPUs' copies. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Slots read by one call: keeps the buffer small on machines with many CPUs. */
#define CHUNK 256

static void add_flow(struct v2m_flow *sum, const struct v2m_flow *flow)
{
	sum->packets += flow->packets;
	sum->wire_bytes += flow->wire_bytes;
	sum->payload_bytes += flow->payload_bytes;
}

static void add_tally(struct v2m_tally *sum, const struct v2m_tally *tally)
{
	sum->packets += tally->packets;
	sum->wire_bytes += tally->wire_bytes;
}

static void add_device_flow(struct v2m_device_flow *sum, const struct v2m_device_flow *flow)
{
	add_tally(&sum->seen, &flow->seen);
	add_tally(&sum->keys, &flow->keys);
	add_tally(&sum->unattributed, &flow->unattributed);
	add_tally(&sum->other, &flow->other);
}

static struct v2m_port_sample sum_port(const struct v2m_port_counters *copies, int cpus)
{
	struct v2m_port_sample sum = {
		.port = copies[0].port,
		.assigned_ns = copies[0].assigned_ns,
	};

	for (int cpu = 0; cpu < cpus; cpu++) {
		add_flow(&sum.tcp_rx, &copies[cpu].tcp_rx);
		add_flow(&sum.tcp_tx, &copies[cpu].tcp_tx);
		add_flow(&sum.udp_rx, &copies[cpu].udp_rx);
		add_flow(&sum.udp_tx, &copies[cpu].udp_tx);
	}
	return sum;
}

static int read_one_by_one(const struct v2m_datapath *datapath, uint32_t first, uint32_t count,
			   struct v2m_port_counters *values)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = first + i;
		int result = bpf_map_lookup_elem(datapath->maps[V2M_MAP_PORT_COUNTERS], &slot,
						 values + (size_t)i * (size_t)datapath->cpus);

		if (result)
			return result;
	}
	return 0;
}

/* count slots from first on. The cursor of a batch is the slot before the first one wanted; the
 * kernel says ENOENT when the batch ends with the last element of the map. */
static int read_batch(const struct v2m_datapath *datapath, uint32_t first, uint32_t count,
		      struct v2m_port_counters *values)
{
	uint32_t keys[CHUNK];
	uint32_t before = first - 1;
	uint32_t after;
	uint32_t got = count;
	int result = bpf_map_lookup_batch(datapath->maps[V2M_MAP_PORT_COUNTERS],
					  first ? &before : NULL, &after, keys, values, &got, NULL);

	if (result && result != -ENOENT)
		return result;
	return got == count && keys[0] == first ? 0 : -EIO;
}

static bool is_reported(const struct v2m_port_use *use)
{
	return use->counted || use->leaving;
}

static int read_chunk(const struct v2m_datapath *datapath, uint32_t first, uint32_t count,
		      struct v2m_port_counters *values, struct v2m_sample *sample)
{
	int result = datapath->batch ? read_batch(datapath, first, count, values)
				     : read_one_by_one(datapath, first, count, values);

	for (uint32_t i = 0; i < count && result == 0; i++)
		if (is_reported(&datapath->ports[first + i]))
			sample->ports[sample->n_ports++] = sum_port(
				values + (size_t)i * (size_t)datapath->cpus, datapath->cpus);
	return result;
}

static int by_port(const void *a, const void *b)
{
	const struct v2m_port_sample *left = a;
	const struct v2m_port_sample *right = b;

	return (int)left->port - (int)right->port;
}

static int read_ports(const struct v2m_datapath *datapath, struct v2m_sample *sample)
{
	V2M_FREE struct v2m_port_counters *values =
		calloc((size_t)CHUNK * (size_t)datapath->cpus, sizeof(*values));
	int result = 0;

	sample->ports = calloc(datapath->used_slots + 1, sizeof(*sample->ports));
	if (!values || !sample->ports)
		return -ENOMEM;
	for (uint32_t first = 0; first < datapath->used_slots && result == 0; first += CHUNK) {
		uint32_t count = datapath->used_slots - first;

		result = read_chunk(datapath, first, count < CHUNK ? count : CHUNK, values, sample);
	}
	qsort(sample->ports, sample->n_ports, sizeof(*sample->ports), by_port);
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

void v2m_counters_probe_batch(struct v2m_datapath *datapath)
{
	V2M_FREE struct v2m_port_counters *values = calloc((size_t)datapath->cpus, sizeof(*values));

	/* PERCPU_ARRAY has it from Linux 5.15 on. */
	datapath->batch = values && read_batch(datapath, 0, 1, values) == 0;
}

int v2m_datapath_read(struct v2m_datapath *datapath, struct v2m_sample *sample,
		      struct v2m_error *error)
{
	struct v2m_sample made = {
		.mode = V2M_MODE_EBPF,
		.mono_ns = v2m_clock_mono_ns(),
		.real_us = v2m_clock_real_us(),
	};
	int result = read_ports(datapath, &made);

	if (result == 0)
		result = read_devices(datapath, &made);
	if (result) {
		v2m_sample_clear(&made);
		return v2m_error_set(error, result, "cannot read the counters: %s",
				     strerror(-result));
	}
	memcpy(made.epoch, datapath->meta.identity, sizeof(made.epoch));
	for (unsigned slot = 0; slot < datapath->used_slots; slot++)
		datapath->ports[slot].leaving = false;
	*sample = made;
	return 0;
}
