// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "faults/fake_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"
#include "datapath/addresses.h"
#include "datapath/attach.h"
#include "datapath/counters.h"
#include "datapath/datapath.h"
#include "datapath/device_slots.h"
#include "datapath/sizes.h"
#include "datapath/flows.h"
#include "datapath/foreign.h"
#include "datapath/grace.h"
#include "datapath/ledger_mark.h"
#include "datapath/owners.h"
#include "datapath/port_slots.h"
#include "datapath/previous.h"
#include "datapath/reassembly.h"
#include "datapath/udp_peers.h"
#include "faults/inject.h"

#define BYTES_OF_READING 1000
#define BYTES_OF_CHANGE  100
#define DEVICES_MAX      64

struct fake_kernel *fake_kernel;

struct v2m_datapath {
	uint32_t attached[DEVICES_MAX];
	size_t n_attached;
};

/* Fails as the kernel does. 0 or -errno. */
static int refuse(const char *name, struct v2m_error *error)
{
	if (!fault_strikes(FAULT_CALL, name))
		return 0;
	return v2m_error_set(error, -ENOMEM, "injected: %s", name);
}

int v2m_datapath_open(const struct v2m_datapath_options *options, struct v2m_datapath **datapath,
		      struct v2m_error *error)
{
	int result = refuse("v2m_datapath_open", error);

	(void)options;
	if (result)
		return result;
	*datapath = calloc(1, sizeof(**datapath));
	if (!*datapath)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	/* A new process does not know which slots were left by the one before. */
	for (size_t i = 0; i < FAKE_SLOTS; i++)
		if (fake_kernel->slots[i].leaving)
			memset(&fake_kernel->slots[i], 0, sizeof(fake_kernel->slots[i]));
	return 0;
}

void v2m_datapath_close(struct v2m_datapath *datapath)
{
	free(datapath);
}

uint64_t v2m_datapath_created_ns(const struct v2m_datapath *datapath)
{
	(void)datapath;
	return 1;
}

static void let_arrive(uint64_t bytes)
{
	for (size_t i = 0; i < FAKE_SLOTS; i++) {
		struct fake_slot *slot = &fake_kernel->slots[i];

		if (!slot->used || slot->leaving)
			continue;
		slot->bytes += bytes;
		fake_kernel->arrived[slot->rule.first_port - FAKE_PORT] += bytes;
	}
}

static bool is_same_rule(const struct v2m_port_rule *a, const struct v2m_port_rule *b)
{
	return a->first_port == b->first_port && a->last_port == b->last_port;
}

static bool is_wanted(const struct fake_slot *slot, const struct v2m_port_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_same_rule(&slot->rule, &rules[i]))
			return true;
	return false;
}

static bool has_slot(const struct v2m_port_rule *rule)
{
	for (size_t i = 0; i < FAKE_SLOTS; i++)
		if (fake_kernel->slots[i].used && !fake_kernel->slots[i].leaving &&
		    is_same_rule(&fake_kernel->slots[i].rule, rule))
			return true;
	return false;
}

int v2m_datapath_set_ports(struct v2m_datapath *datapath, const struct v2m_port_rule *rules,
			   size_t count, struct v2m_error *error)
{
	int result = refuse("v2m_datapath_set_ports", error);

	(void)datapath;
	let_arrive(BYTES_OF_CHANGE);
	if (result)
		return result;
	for (size_t i = 0; i < FAKE_SLOTS; i++)
		if (fake_kernel->slots[i].used && !is_wanted(&fake_kernel->slots[i], rules, count))
			fake_kernel->slots[i].leaving = true;
	for (size_t i = 0; i < count; i++) {
		size_t free_slot = 0;

		if (has_slot(&rules[i]))
			continue;
		while (free_slot < FAKE_SLOTS && fake_kernel->slots[free_slot].used)
			free_slot++;
		if (free_slot == FAKE_SLOTS)
			return v2m_error_set(error, -EBUSY, "no slot is free");
		fake_kernel->slots[free_slot] = (struct fake_slot){
			.used = true, .rule = rules[i], .assigned_ns = ++fake_kernel->assigned_ns
		};
	}
	return (int)count;
}

static void fill_port(const struct fake_slot *slot, uint32_t number, struct v2m_port_sample *port)
{
	*port = (struct v2m_port_sample){
		.port = slot->rule.first_port,
		.last_port = slot->rule.last_port,
		.slot = number,
		.transports = (uint8_t)slot->rule.transports,
		.assigned_ns = slot->assigned_ns,
		.tcp_rx = { slot->bytes / 100, slot->bytes, slot->bytes / 2 },
	};
}

int v2m_datapath_read(struct v2m_datapath *datapath, struct v2m_sample *sample,
		      struct v2m_error *error)
{
	int result = refuse("v2m_datapath_read", error);

	(void)datapath;
	let_arrive(BYTES_OF_READING);
	if (result)
		return result;
	*sample = (struct v2m_sample){ .epoch = "fake kernel",
				       .mono_ns = v2m_clock_mono_ns(),
				       .real_us = v2m_clock_real_us() };
	sample->ports = calloc(FAKE_SLOTS, sizeof(*sample->ports));
	if (!sample->ports)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < FAKE_SLOTS; i++)
		if (fake_kernel->slots[i].used)
			fill_port(&fake_kernel->slots[i], i, &sample->ports[sample->n_ports++]);
	qsort(sample->ports, sample->n_ports, sizeof(*sample->ports), v2m_port_sample_compare);
	for (size_t i = 0; i < FAKE_SLOTS; i++)
		if (fake_kernel->slots[i].leaving)
			memset(&fake_kernel->slots[i], 0, sizeof(fake_kernel->slots[i]));
	fake_kernel->readings++;
	return 0;
}

int v2m_port_sample_compare(const void *a, const void *b)
{
	const struct v2m_port_sample *one = a;
	const struct v2m_port_sample *other = b;

	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	return one->slot < other->slot ? -1 : one->slot > other->slot;
}

int v2m_datapath_attach(struct v2m_datapath *datapath, const struct v2m_device *device,
			bool *repaired, struct v2m_error *error)
{
	int result = refuse("v2m_datapath_attach", error);

	if (result)
		return result;
	if (repaired)
		*repaired = false;
	for (size_t i = 0; i < datapath->n_attached; i++)
		if (datapath->attached[i] == device->ifindex)
			return 0;
	if (datapath->n_attached < DEVICES_MAX)
		datapath->attached[datapath->n_attached++] = device->ifindex;
	return 0;
}

int v2m_datapath_detach(struct v2m_datapath *datapath, uint32_t ifindex)
{
	for (size_t i = 0; i < datapath->n_attached; i++)
		if (datapath->attached[i] == ifindex)
			datapath->attached[i] = datapath->attached[--datapath->n_attached];
	return 0;
}

int v2m_datapath_attached(struct v2m_datapath *datapath, uint32_t *ifindexes, size_t max)
{
	size_t n = datapath->n_attached < max ? datapath->n_attached : max;

	if (refuse("v2m_datapath_attached", NULL))
		return -ENOMEM;
	memcpy(ifindexes, datapath->attached, n * sizeof(*ifindexes));
	return (int)n;
}

const char *v2m_datapath_kind(struct v2m_datapath *datapath, uint32_t ifindex, bool *outrun)
{
	(void)datapath;
	(void)ifindex;
	*outrun = false;
	return "tcx";
}

const char *v2m_datapath_device_name(const struct v2m_datapath *datapath, uint32_t ifindex)
{
	(void)datapath;
	(void)ifindex;
	return NULL;
}

int v2m_datapath_set_addresses(struct v2m_datapath *datapath, struct v2m_addresses own,
			       struct v2m_addresses netns, struct v2m_error *error)
{
	(void)datapath;
	(void)own;
	(void)netns;
	return refuse("v2m_datapath_set_addresses", error);
}

int v2m_datapath_set_aliases(struct v2m_datapath *datapath, const struct v2m_port_aliases *aliases)
{
	(void)datapath;
	(void)aliases;
	return refuse("v2m_datapath_set_aliases", NULL);
}

int v2m_datapath_set_reassembly_devices(struct v2m_datapath *datapath,
					const struct v2m_reassembly_entry *entries, size_t count,
					struct v2m_error *error)
{
	(void)datapath;
	(void)entries;
	(void)count;
	return refuse("v2m_datapath_set_reassembly_devices", error);
}

int v2m_datapath_fragment_figures(const struct v2m_datapath *datapath,
				  struct v2m_fragment_figures *figures)
{
	(void)datapath;
	*figures = (struct v2m_fragment_figures){ .observed = true };
	return refuse("v2m_datapath_fragment_figures", NULL);
}

int v2m_datapath_udp_peers(struct v2m_datapath *datapath, uint64_t since_ns,
			   struct v2m_peer **peers, size_t *n_peers)
{
	(void)datapath;
	(void)since_ns;
	*peers = NULL;
	*n_peers = 0;
	return refuse("v2m_datapath_udp_peers", NULL);
}

int v2m_foreign_add(const struct v2m_datapath *datapath, const struct v2m_foreign_flows *flows,
		    struct v2m_error *error)
{
	(void)datapath;
	(void)flows;
	(void)error;
	return 0;
}

int v2m_datapath_read_previous(struct v2m_datapath *datapath, struct v2m_sample *sample,
			       struct v2m_error *error)
{
	(void)datapath;
	(void)sample;
	return v2m_error_set(error, -ENOENT, "there are none");
}

int v2m_datapath_read_previous_mark(const struct v2m_datapath *datapath,
				    struct v2m_ledger_mark *mark)
{
	(void)datapath;
	(void)mark;
	return -ENOENT;
}

int v2m_datapath_drop_previous(struct v2m_datapath *datapath)
{
	(void)datapath;
	return -ENOENT;
}

int v2m_datapath_read_mark(const struct v2m_datapath *datapath, struct v2m_ledger_mark *mark)
{
	(void)datapath;
	*mark = fake_kernel->mark;
	return refuse("v2m_datapath_read_mark", NULL);
}

int v2m_datapath_write_mark(struct v2m_datapath *datapath, const struct v2m_ledger_mark *mark)
{
	int result = refuse("v2m_datapath_write_mark", NULL);

	(void)datapath;
	if (!result)
		fake_kernel->mark = *mark;
	return result;
}

/* No keys share a slot here, so there are no flows and no owners. */
int v2m_owners_set(struct v2m_datapath *datapath, const struct v2m_owner_rule *rules, size_t count,
		   uint32_t *indices, struct v2m_error *error)
{
	(void)datapath;
	(void)rules;
	for (size_t i = 0; i < count; i++)
		indices[i] = V2M_NO_OWNER;
	return refuse("v2m_owners_set", error);
}

int v2m_flows_read(struct v2m_datapath *datapath, bool young, struct v2m_flow_entry **entries,
		   size_t *count)
{
	(void)datapath;
	(void)young;
	*entries = NULL;
	*count = 0;
	return refuse("v2m_flows_read", NULL);
}

int v2m_flows_label(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		    struct v2m_error *error)
{
	(void)datapath;
	(void)labels;
	(void)count;
	return refuse("v2m_flows_label", error);
}

int v2m_flows_move(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		   struct v2m_error *error)
{
	(void)datapath;
	(void)labels;
	(void)count;
	return refuse("v2m_flows_move", error);
}

int v2m_flows_move_left(struct v2m_datapath *datapath, struct v2m_error *error)
{
	(void)datapath;
	return refuse("v2m_flows_move_left", error);
}

struct v2m_owner_room v2m_owners_room(const struct v2m_datapath *datapath)
{
	(void)datapath;
	return (struct v2m_owner_room){ 0 };
}

bool v2m_flow_size_was_changed(const struct v2m_datapath *datapath)
{
	(void)datapath;
	return false;
}

void v2m_flow_size_forget(struct v2m_datapath *datapath)
{
	(void)datapath;
}

int v2m_flows_leave(struct v2m_datapath *datapath, struct v2m_error *error)
{
	(void)datapath;
	return refuse("v2m_flows_leave", error);
}

int v2m_flows_leave_begun(struct v2m_datapath *datapath, struct v2m_error *error)
{
	(void)datapath;
	return refuse("v2m_flows_leave_begun", error);
}

int v2m_flows_remove(struct v2m_datapath *datapath, const struct v2m_flow_key *keys, size_t count)
{
	(void)datapath;
	(void)keys;
	(void)count;
	return refuse("v2m_flows_remove", NULL);
}

int v2m_owners_read_sessions(const struct v2m_datapath *datapath,
			     struct v2m_owner_sessions **owners, size_t *count)
{
	(void)datapath;
	*owners = NULL;
	*count = 0;
	return refuse("v2m_owners_read_sessions", NULL);
}

struct v2m_owner_maps v2m_owners_maps(const struct v2m_datapath *datapath)
{
	(void)datapath;
	return (struct v2m_owner_maps){ -1, -1 };
}

int v2m_grace_period(void)
{
	return refuse("v2m_grace_period", NULL);
}
