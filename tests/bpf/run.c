// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "run.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clear.h"
#include "datapath/port_slots.h"
#include "label.skel.h"
#include "traffic.skel.h"
#include "base/sample.h"
#include "datapath/addresses.h"

struct run {
	struct traffic_bpf *object;
	struct label_bpf *labels;
	int cpus;
	uint32_t device_slot;
	struct v2m_device_counters *device_copies;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int load_labels(struct run *run)
{
	run->labels = label_bpf__open();
	if (!run->labels)
		return -errno;
	run->labels->rodata->label_part = (uint32_t)run->cpus;
	if (bpf_map__reuse_fd(run->labels->maps.flows, bpf_map__fd(run->object->maps.flows)) ||
	    bpf_map__reuse_fd(run->labels->maps.young_flows,
			      bpf_map__fd(run->object->maps.young_flows)) ||
	    bpf_map__reuse_fd(run->labels->maps.owner_counters,
			      bpf_map__fd(run->object->maps.owner_counters)) ||
	    bpf_map__reuse_fd(run->labels->maps.owners, bpf_map__fd(run->object->maps.owners)))
		return -errno;
	return label_bpf__load(run->labels);
}

int run_open(const struct v2m_device_config *config, struct run **run)
{
	struct run *made = calloc(1, sizeof(*made));
	int result = 0;

	if (!made)
		return -ENOMEM;
	libbpf_set_print(quiet);
	made->cpus = libbpf_num_possible_cpus();
	made->device_copies = calloc((size_t)made->cpus, sizeof(*made->device_copies));
	made->device_slot = config->device_slot;
	made->object = traffic_bpf__open();
	if (!made->object)
		result = -errno;
	if (result == 0) {
		made->object->rodata->device = *config;
		made->object->rodata->device.cpus = (uint16_t)made->cpus;
		made->object->rodata->device.owners = V2M_MAX_OWNERS;
		result = bpf_map__set_max_entries(made->object->maps.port_counters,
						  v2m_counter_index((uint32_t)made->cpus, 0, 0));
	}
	if (result == 0)
		result = bpf_map__set_max_entries(
			made->object->maps.owner_counters,
			v2m_owner_index(V2M_MAX_OWNERS, (uint32_t)made->cpus + 1, 0, 0));
	if (result == 0)
		result = traffic_bpf__load(made->object);
	if (result == 0)
		result = load_labels(made);
	if (result)
		run_close(made);
	else
		*run = made;
	return result;
}

void run_close(struct run *run)
{
	if (!run)
		return;
	label_bpf__destroy(run->labels);
	traffic_bpf__destroy(run->object);
	free(run->device_copies);
	free(run);
}

void run_reset(struct run *run)
{
	clear_maps(run->object->obj);
	clear_maps(run->labels->obj);
}

/* As the daemon does when it gives a slot away. */
static void name_slot(struct run *run, uint16_t slot)
{
	const struct v2m_port_counters named = { .slot = slot };

	for (uint32_t part = 0; part < (uint32_t)run->cpus * 2; part++) {
		uint32_t index = v2m_counter_index(part / 2, part % 2, slot);

		if (bpf_map_update_elem(bpf_map__fd(run->object->maps.port_counters), &index,
					&named, BPF_ANY))
			abort();
	}
}

/* All with one call: each of 65,536 calls takes its time in an emulated machine. */
static void write_port_slots(int map, const struct v2m_port_slot *slots)
{
	uint32_t count = 65536;
	uint32_t *ports = calloc(count, sizeof(*ports));

	if (!ports)
		abort();
	for (uint32_t port = 0; port < count; port++)
		ports[port] = port;
	if (bpf_map_update_batch(map, ports, slots, &count, NULL))
		abort();
	free(ports);
}

void run_set_rules(struct run *run, const struct v2m_port_rule *rules, const int *slots,
		   size_t count)
{
	const struct v2m_port_rule *ordered[V2M_MAX_SLOTS];
	struct v2m_port_slot *wanted = calloc(65536, sizeof(*wanted));
	int ordered_slots[V2M_MAX_SLOTS];

	if (!wanted || v2m_port_slots_order(rules, count, ordered) != count)
		abort();
	for (size_t i = 0; i < count; i++) {
		ordered_slots[i] = slots[ordered[i] - rules];
		name_slot(run, (uint16_t)ordered_slots[i]);
	}
	v2m_port_slots_compose(ordered, ordered_slots, count, wanted);
	write_port_slots(bpf_map__fd(run->object->maps.port_slot), wanted);
	free(wanted);
}

void run_set_addresses(struct run *run, const struct v2m_local_address *addresses, size_t count,
		       bool fast)
{
	struct v2m_own_addresses own = {};
	uint8_t present = 1;
	uint32_t first = 0;

	for (size_t i = 0; i < count; i++)
		if (bpf_map_update_elem(bpf_map__fd(run->object->maps.local_addresses),
					&addresses[i], &present, BPF_ANY))
			abort();
	if (fast)
		v2m_own_addresses_make(addresses, count, &own);
	if (bpf_map_update_elem(bpf_map__fd(run->object->maps.own_addresses), &first, &own,
				BPF_ANY))
		abort();
}

int run_program(const struct run *run, bool egress)
{
	return bpf_program__fd(egress ? run->object->progs.v2m_egress
				      : run->object->progs.v2m_ingress);
}

int run_packet(struct run *run, bool egress, const void *packet, size_t length, uint32_t gso_size,
	       uint32_t gso_segs)
{
	struct __sk_buff context = { .gso_size = gso_size, .gso_segs = gso_segs };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = (uint32_t)length,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = 1);

	if (bpf_prog_test_run_opts(run_program(run, egress), &options)) {
		fprintf(stderr, "the kernel does not run a packet of %zu bytes: %s\n", length,
			strerror(errno));
		abort();
	}
	return (int)options.retval;
}

uint32_t run_timed(struct run *run, bool egress, const void *packet, size_t length, uint32_t repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = (uint32_t)length,
		    .repeat = (int)repeat);

	if (bpf_prog_test_run_opts(run_program(run, egress), &options))
		abort();
	return options.duration;
}

static void add(uint64_t *sum, const uint64_t *copy, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum[i] += copy[i];
}

static void add_flow(struct v2m_flow *sum, const struct v2m_flow *copy)
{
	add((uint64_t *)sum, (const uint64_t *)copy, sizeof(*sum) / sizeof(uint64_t));
}

struct v2m_port_sample run_port(const struct run *run, uint32_t slot)
{
	struct v2m_port_sample sum = {};

	for (uint32_t part = 0; part < (uint32_t)run->cpus * 2; part++) {
		uint32_t index = v2m_counter_index(part / 2, part % 2, slot);
		struct v2m_port_counters copy;

		if (bpf_map_lookup_elem(bpf_map__fd(run->object->maps.port_counters), &index,
					&copy))
			abort();
		add_flow(part % 2 ? &sum.tcp_tx : &sum.tcp_rx, &copy.tcp);
		add_flow(part % 2 ? &sum.udp_tx : &sum.udp_rx, &copy.udp);
	}
	return sum;
}

bool run_flow(const struct run *run, const struct v2m_flow_key *key, bool young,
	      struct v2m_flow_state *state)
{
	struct bpf_map *map = young ? run->object->maps.young_flows : run->object->maps.flows;

	return bpf_map_lookup_elem(bpf_map__fd(map), key, state) == 0;
}

void run_set_sessions(struct run *run, const struct v2m_flow_key *key,
		      const struct v2m_flow_sessions *sessions)
{
	int map = bpf_map__fd(run->object->maps.flows);
	struct v2m_flow_state state;

	if (bpf_map_lookup_elem(map, key, &state))
		abort();
	state.sessions = *sessions;
	if (bpf_map_update_elem(map, key, &state, BPF_ANY))
		abort();
}

struct v2m_flow_sessions run_owner_sessions(const struct run *run, uint32_t owner)
{
	struct v2m_flow_sessions sessions;

	if (bpf_map_lookup_elem(bpf_map__fd(run->labels->maps.owner_sessions), &owner, &sessions))
		abort();
	return sessions;
}

size_t run_flows(const struct run *run, bool young)
{
	int map = bpf_map__fd(young ? run->object->maps.young_flows : run->object->maps.flows);
	struct v2m_flow_key key;
	struct v2m_flow_key next;
	const void *last = NULL;
	size_t count = 0;

	while (bpf_map_get_next_key(map, last, &next) == 0) {
		count++;
		key = next;
		last = &key;
	}
	return count;
}

enum v2m_label_result run_label_of(struct run *run, const struct v2m_flow_key *flow,
				   uint64_t began_ns, uint32_t owner, enum v2m_label_step step)
{
	struct {
		uint8_t header[V2M_LABEL_HEADER];
		struct v2m_label label;
	} call = { .label = { .flow = *flow,
			      .owner = owner,
			      .step = (uint8_t)step,
			      .began_ns = began_ns } };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &call, .data_size_in = sizeof(call),
		    .data_out = &call, .data_size_out = sizeof(call), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(run->labels->progs.v2m_label), &options))
		abort();
	return (enum v2m_label_result)call.label.result;
}

enum v2m_label_result run_label(struct run *run, const struct v2m_flow_key *flow, uint32_t owner,
				enum v2m_label_step step)
{
	struct v2m_flow_state state = {};

	if (!run_flow(run, flow, false, &state))
		run_flow(run, flow, true, &state);
	return run_label_of(run, flow, state.began_ns, owner, step);
}

struct v2m_flow run_owner(const struct run *run, uint32_t owner, bool egress)
{
	struct v2m_flow sum = {};

	for (uint32_t cpu = 0; cpu <= (uint32_t)run->cpus; cpu++) {
		uint32_t index = v2m_owner_index(V2M_MAX_OWNERS, cpu, egress, owner);
		struct v2m_owner_counters copy;

		if (bpf_map_lookup_elem(bpf_map__fd(run->object->maps.owner_counters), &index,
					&copy))
			abort();
		add_flow(&sum, &copy.flow);
	}
	return sum;
}

struct v2m_device_counters run_device(const struct run *run)
{
	struct v2m_device_counters sum = {};

	if (bpf_map_lookup_elem(bpf_map__fd(run->object->maps.device_counters), &run->device_slot,
				run->device_copies))
		abort();
	for (int cpu = 0; cpu < run->cpus; cpu++)
		add((uint64_t *)&sum, (const uint64_t *)&run->device_copies[cpu],
		    sizeof(sum) / sizeof(uint64_t));
	return sum;
}

size_t run_peers(const struct run *run, struct v2m_udp_peer *peers, size_t max)
{
	int map = bpf_map__fd(run->object->maps.udp_peers);
	struct v2m_udp_peer key;
	struct v2m_udp_peer next;
	const void *last = NULL;
	size_t count = 0;

	while (bpf_map_get_next_key(map, last, &next) == 0) {
		if (count < max)
			peers[count] = next;
		count++;
		key = next;
		last = &key;
	}
	return count;
}

struct v2m_udp_seen run_peer_seen(const struct run *run)
{
	struct v2m_udp_peer peer;
	struct v2m_udp_seen seen;

	if (run_peers(run, &peer, 1) != 1 ||
	    bpf_map_lookup_elem(bpf_map__fd(run->object->maps.udp_peers), &peer, &seen))
		abort();
	return seen;
}

/* Forgets the recent peers of every processor, or makes them older. Empty entries stay as they are.
 */
static void change_recent(const struct run *run, bool forget, uint64_t by_jiffies)
{
	struct bpf_map *map = run->object->maps.recent_peers;
	size_t size = bpf_map__value_size(map);
	uint8_t *copies = calloc((size_t)run->cpus, size);

	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++) {
		if (!copies || bpf_map_lookup_elem(bpf_map__fd(map), &i, copies))
			abort();
		for (int cpu = 0; cpu < run->cpus; cpu++) {
			/* The last member. */
			uint64_t *jiffies = (void *)(copies + (size_t)(cpu + 1) * size - 8);

			if (*jiffies)
				*jiffies -= by_jiffies;
		}
		if (forget)
			memset(copies, 0, (size_t)run->cpus * size);
		if (bpf_map_update_elem(bpf_map__fd(map), &i, copies, BPF_ANY))
			abort();
	}
	free(copies);
}

void run_forget_recent_peers(const struct run *run)
{
	change_recent(run, true, 0);
}

void run_age_peer(const struct run *run, uint64_t by_jiffies)
{
	struct v2m_udp_seen seen = run_peer_seen(run);
	struct v2m_udp_peer peer;

	seen.jiffies -= by_jiffies;
	if (run_peers(run, &peer, 1) != 1 ||
	    bpf_map_update_elem(bpf_map__fd(run->object->maps.udp_peers), &peer, &seen, BPF_ANY))
		abort();
	change_recent(run, false, by_jiffies);
}
