// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/previous.h"

/*
 * Reads the counts of a version whose maps we cannot take over. Its directory becomes previous_<N>.
 * Its links and programs move to the current directory, and attaching swaps new programs into them.
 * From then on no program adds to the old maps. They are read by the member names in their BTF.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/map_layout.h"
#include "datapath/grace.h"
#include "datapath/ledger_mark.h"
#include "datapath/map_list.h"
#include "datapath/reassembly.h"
#include "datapath/state.h"
#include "datapath/take_off.h"
#include "datapath/counters.h"
#include "base/sample.h"

#define MAX_PREVIOUS 16

struct moving {
	const struct v2m_pins *from;
	const struct v2m_pins *to;
	bool moved; /* an entry was moved, so the directory has to be read again */
};

static int move_pin(const char *name, void *context)
{
	struct moving *moving = context;
	char from[PATH_MAX];
	char to[PATH_MAX];
	int result;

	if (!v2m_pin_ifindex(name))
		return 0;
	result = v2m_pin_path(moving->from, name, from);
	if (result == 0)
		result = v2m_pin_path(moving->to, name, to);
	if (result)
		return result;
	if (rename(from, to))
		return -errno;
	moving->moved = true;
	return 1;
}

/* Moves one entry in each walk: a directory that changes while it is read may show entries twice or
 * not at all. */
static int move_attachments(const struct v2m_pins *from, const struct v2m_pins *to)
{
	struct moving moving = { .from = from, .to = to };
	int result;

	do {
		moving.moved = false;
		result = v2m_directory_walk(from->dir, move_pin, &moving);
	} while (result == 1 && moving.moved);
	return result < 0 ? result : 0;
}

/* Names the directory previous_<number>. */
static int previous_pins(const struct v2m_datapath *datapath, unsigned number,
			 struct v2m_pins *pins)
{
	char name[32];

	snprintf(name, sizeof(name), "previous_%u", number);
	return v2m_pins_init(pins, datapath->pin_dir, name);
}

static int make_room(const struct v2m_datapath *datapath, struct v2m_pins *pins)
{
	for (unsigned number = 0; number < MAX_PREVIOUS; number++) {
		int result = previous_pins(datapath, number, pins);

		if (result)
			return result;
		if (access(pins->dir, F_OK))
			return 0;
	}
	return -ENOSPC;
}

int v2m_previous_set_aside(struct v2m_datapath *datapath, const char *directory, const char *why,
			   struct v2m_error *error)
{
	struct v2m_pins old;
	struct v2m_pins aside;
	int result = v2m_pins_init(&old, datapath->pin_dir, directory);

	if (result == 0)
		result = make_room(datapath, &aside);
	if (result == 0 && rename(old.dir, aside.dir))
		result = -errno;
	if (result == 0 && mkdir(datapath->pins.dir, 0700) && errno != EEXIST)
		result = -errno;
	if (result == 0)
		result = move_attachments(&aside, &datapath->pins);
	if (result)
		return v2m_error_set(error, result, "cannot set %s aside: %s", old.dir,
				     strerror(-result));
	v2m_log_warning("the maps pinned in %s %s: new ones are made, the old ones are in %s until "
			"their counts have been carried over",
			old.dir, why, aside.dir);
	return 0;
}

static int set_other_version_aside(const char *name, void *context)
{
	struct v2m_datapath *datapath = context;
	unsigned version;
	char rest;
	int result;

	if (sscanf(name, "v%u%c", &version, &rest) != 1 || version == V2M_ABI_VERSION)
		return 0;
	result = v2m_previous_set_aside(datapath, name, "are of another version", NULL);
	return result ? result : 1;
}

static bool has_counters(const struct v2m_pins *pins)
{
	char path[PATH_MAX];

	return v2m_pin_path(pins, v2m_map_names[V2M_MAP_PORT_COUNTERS], path) == 0 &&
	       access(path, F_OK) == 0;
}

/* Finishes what a crash interrupted while maps were set aside, and removes the rest. Maps without
 * pinned counters are useless. If they stayed, the numbers of the directories would run out. */
static int tidy_previous(struct v2m_datapath *datapath, const struct v2m_pins *pins)
{
	int result = move_attachments(pins, &datapath->pins);

	/* The directory stays if it has a pin of somebody else. */
	if (result == 0 && !has_counters(pins))
		(void)v2m_pins_remove(pins);
	return result;
}

int v2m_previous_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	struct v2m_pins pins;
	int result;

	do {
		result = v2m_directory_walk(datapath->pin_dir, set_other_version_aside, datapath);
	} while (result == 1);
	for (unsigned number = 0; number < MAX_PREVIOUS && result == 0; number++) {
		result = previous_pins(datapath, number, &pins);
		if (result == 0 && access(pins.dir, F_OK) == 0)
			result = tidy_previous(datapath, &pins);
	}
	if (result)
		return v2m_error_set(error, result, "cannot set aside what is in %s: %s",
				     datapath->pin_dir, strerror(-result));
	return 0;
}

static int oldest(const struct v2m_datapath *datapath, struct v2m_pins *pins)
{
	for (unsigned number = 0; number < MAX_PREVIOUS; number++) {
		int result = previous_pins(datapath, number, pins);

		if (result)
			return result;
		if (access(pins->dir, F_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static int read_identity(const struct v2m_pins *pins, uint8_t identity[V2M_EPOCH_LEN])
{
	V2M_CLOSE int fd = v2m_pin_get(pins, v2m_map_names[V2M_MAP_META]);
	V2M_CLOSE int btf = v2m_pin_get(pins, v2m_map_names[V2M_MAP_BTF]);
	struct v2m_map_layout layout = {};
	V2M_FREE uint8_t *value = NULL;
	uint32_t key = 0;
	int offset = -EPROTO;
	int result;

	if (fd < 0)
		return fd;
	result = v2m_map_layout_open(fd, btf, "v2m_meta", &layout);
	if (result)
		return result;
	value = calloc(1, layout.value_size);
	if (value)
		offset = v2m_map_layout_find(&layout, "identity", V2M_EPOCH_LEN);
	v2m_map_layout_close(&layout);
	if (!value || offset < 0)
		return value ? offset : -ENOMEM;
	result = bpf_map_lookup_elem(fd, &key, value);
	if (result == 0)
		memcpy(identity, value + offset, V2M_EPOCH_LEN);
	return result;
}

/* Flows of the other direction stay as they are. */
static void add_copy(struct v2m_port_sample *sum, const struct v2m_counter_layout *layout,
		     const uint8_t *value)
{
	struct v2m_flow *flows[V2M_COUNTER_FLOWS] = {
		&sum->tcp_rx,
		&sum->tcp_tx,
		&sum->udp_rx,
		&sum->udp_tx,
	};
	bool tx = v2m_counter_get(&layout->tx, value) & 1;

	for (int i = 0; i < V2M_COUNTER_FLOWS; i++) {
		if (layout->tx.size && tx != (flows[i] == &sum->tcp_tx || flows[i] == &sum->udp_tx))
			continue;
		flows[i]->packets += v2m_counter_get(&layout->packets[i], value);
		flows[i]->wire_bytes += v2m_counter_get(&layout->wire_bytes[i], value);
		flows[i]->payload_bytes += v2m_counter_get(&layout->payload_bytes[i], value);
	}
}

static struct v2m_port_sample identity_of(const struct v2m_counter_layout *layout,
					  const uint8_t *value, uint32_t index)
{
	struct v2m_port_sample port = {
		.port = (uint16_t)v2m_counter_get(&layout->port, value),
		.last_port = (uint16_t)v2m_counter_get(&layout->last_port, value),
		.slot = (uint16_t)v2m_counter_get(&layout->slot, value),
		.transports = (uint8_t)v2m_counter_get(&layout->transports, value),
		.assigned_ns = v2m_counter_get(&layout->assigned_ns, value),
	};

	if (!layout->last_port.size)
		port.last_port = port.port;
	if (!layout->slot.size)
		port.slot = (uint16_t)index;
	return port;
}

/* Returns the port of the sample that an element belongs to, and adds it for the first element of a
 * slot. NULL if the slot was never used, or was about to get a new owner. */
static struct v2m_port_sample *port_of(struct v2m_sample *sample, uint32_t *numbers,
				       const struct v2m_port_sample *found, uint32_t index)
{
	struct v2m_port_sample *port;

	if (!found->port || (!numbers[found->slot] && index != found->slot))
		return NULL;
	if (!numbers[found->slot]) {
		sample->ports[sample->n_ports++] = *found;
		numbers[found->slot] = (uint32_t)sample->n_ports;
	}
	port = &sample->ports[numbers[found->slot] - 1];
	return port->assigned_ns == found->assigned_ns ? port : NULL;
}

/* numbers: for each slot, 1 + its index in the sample; 0 if it has none yet. */
static int add_elements(int fd, const struct v2m_counter_layout *layout, int cpus,
			struct v2m_sample *sample, uint32_t *numbers, uint8_t *copies)
{
	int n_copies = layout->per_cpu ? cpus : 1;

	for (uint32_t index = 0; index < layout->entries; index++) {
		struct v2m_port_sample found;
		struct v2m_port_sample *port;
		int result = bpf_map_lookup_elem(fd, &index, copies);

		if (result)
			return result;
		found = identity_of(layout, copies, index);
		port = port_of(sample, numbers, &found, index);
		for (int i = 0; port && i < n_copies; i++)
			add_copy(port, layout, copies + (size_t)i * layout->stride);
	}
	return 0;
}

static int read_counters(int fd, const struct v2m_counter_layout *layout, int cpus,
			 struct v2m_sample *sample)
{
	V2M_FREE uint8_t *copies = calloc((size_t)cpus, layout->stride);
	V2M_FREE uint32_t *numbers = calloc(UINT16_MAX + 1, sizeof(*numbers));
	uint32_t slots = layout->entries < UINT16_MAX ? layout->entries : UINT16_MAX + 1;

	sample->ports = calloc(slots, sizeof(*sample->ports));
	if (!copies || !numbers || !sample->ports)
		return -ENOMEM;
	return add_elements(fd, layout, cpus, sample, numbers, copies);
}

static int read_sample(const struct v2m_pins *pins, int cpus, struct v2m_sample *sample)
{
	V2M_CLOSE int fd = v2m_pin_get(pins, v2m_map_names[V2M_MAP_PORT_COUNTERS]);
	V2M_CLOSE int btf = v2m_pin_get(pins, v2m_map_names[V2M_MAP_BTF]);
	struct v2m_counter_layout layout;
	int result;

	if (fd < 0)
		return fd;
	result = v2m_counter_layout_read(fd, btf, &layout);
	if (result == 0)
		result = read_identity(pins, sample->epoch);
	if (result == 0)
		result = read_counters(fd, &layout, cpus, sample);
	if (sample->n_ports)
		qsort(sample->ports, sample->n_ports, sizeof(*sample->ports),
		      v2m_port_sample_compare);
	return result;
}

int v2m_datapath_read_previous(struct v2m_datapath *datapath, struct v2m_sample *sample,
			       struct v2m_error *error)
{
	struct v2m_sample made = { .mode = V2M_MODE_EBPF };
	struct v2m_pins pins;
	int result = oldest(datapath, &pins);

	if (result)
		return v2m_error_set(error, result, "no counts of an earlier version");
	v2m_reassembly_take_off(&pins);
	/* Waits for the replaced programs, which may still run. */
	result = v2m_grace_period();
	made.mono_ns = v2m_clock_mono_ns();
	made.real_us = v2m_clock_real_us();
	if (result == 0)
		result = read_sample(&pins, datapath->cpus, &made);
	if (result) {
		v2m_sample_clear(&made);
		/* ENOENT is for "there is none". */
		result = result == -ENOENT ? -EPROTO : result;
		return v2m_error_set(error, result, "cannot read the counts in %s: %s%s", pins.dir,
				     strerror(-result),
				     result == -EPERM ? ": reading them needs CAP_SYS_ADMIN" : "");
	}
	*sample = made;
	return 0;
}

int v2m_datapath_read_previous_mark(const struct v2m_datapath *datapath,
				    struct v2m_ledger_mark *mark)
{
	V2M_CLOSE int fd = -1;
	struct v2m_map_shape shape = v2m_ledger_mark_shape();
	struct v2m_pins pins;
	uint32_t key = 0;
	int result = oldest(datapath, &pins);

	*mark = (struct v2m_ledger_mark){ 0 };
	if (result)
		return result;
	fd = v2m_pin_get(&pins, v2m_map_names[V2M_MAP_LEDGER]);
	if (fd == -ENOENT)
		return 0;
	if (fd >= 0 && v2m_map_shape_differs(&shape, fd))
		return -EPROTO;
	result = fd < 0 ? fd : bpf_map_lookup_elem(fd, &key, mark);
	mark->name[sizeof(mark->name) - 1] = 0;
	return result;
}

int v2m_datapath_drop_previous(struct v2m_datapath *datapath)
{
	struct v2m_pins pins;
	int result = oldest(datapath, &pins);

	return result ? result : v2m_pins_remove(&pins);
}
