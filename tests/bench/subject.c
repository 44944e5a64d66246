// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "v2meter/bpf_abi.h"

#define OWNER 1

struct subject {
	struct bpf_object *object;
	int ingress;
	int egress;
};

static int configure(struct bpf_object *object)
{
	const struct v2m_device_config config = { .device_slot = 3,
						  .link_header = 14,
						  .owners = V2M_MAX_OWNERS };
	struct bpf_map *map;

	/* An older build has fewer members, one behind the other as here. */
	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__is_internal(map) && strstr(bpf_map__name(map), ".rodata"))
			return bpf_map__set_initial_value(map, &config, bpf_map__value_size(map));
	}
	return -ENOENT;
}

/* As the loader does. */
static int set_cpus(struct bpf_object *object)
{
	struct bpf_map *counters = bpf_object__find_map_by_name(object, "port_counters");
	struct bpf_map *owners = bpf_object__find_map_by_name(object, "owner_counters");
	int cpus = libbpf_num_possible_cpus();
	int result;

	if (!counters || cpus < 0)
		return cpus < 0 ? cpus : -ENOENT;
	/* An older build has one element for all CPUs, or knows no owners. */
	if (bpf_map__type(counters) != BPF_MAP_TYPE_ARRAY)
		return 0;
	result = bpf_map__set_max_entries(counters, v2m_counter_index((uint32_t)cpus, 0, 0));
	if (result == 0 && owners)
		result = bpf_map__set_max_entries(
			owners, v2m_owner_index(V2M_MAX_OWNERS, (uint32_t)cpus + 1, 0, 0));
	return result;
}

static int monitor(struct bpf_object *object, unsigned ports, bool shared)
{
	int fd = bpf_object__find_map_fd_by_name(object, "port_slot");
	int result = 0;

	for (unsigned i = 0; i < ports && result == 0; i++) {
		const struct v2m_transport_slot both = { .slot = i & (V2M_MAX_SLOTS - 1),
							 .counted = 1,
							 .shared = shared };
		const struct v2m_port_slot place = { .tcp = both, .udp = both };
		uint32_t port = FIRST_PORT + i;

		result = bpf_map_update_elem(fd, &port, &place, BPF_ANY);
	}
	return result;
}

static int add_flow(int fd, uint8_t protocol, const uint8_t address[4])
{
	const struct v2m_flow_state state = { .owner = OWNER };
	struct v2m_flow_key key = { .remote = { [10] = 0xff, [11] = 0xff },
				    .port = FIRST_PORT,
				    .remote_port = CLIENT,
				    .protocol = protocol };

	memcpy(key.remote + 12, address, 4);
	return bpf_map_update_elem(fd, &key, &state, BPF_ANY);
}

/* The flows of the packets that are measured, then those of 198.18.0.0/15, half of them UDP. Each
 * kind of packet needs a flow of its own, so one flow is four. */
static int add_flows(struct bpf_object *object, unsigned flows)
{
	int fd = bpf_object__find_map_fd_by_name(object, "flows");
	int result = fd < 0 ? fd : 0;

	for (uint8_t end = 1; end <= 2; end++) {
		const uint8_t measured[4] = { 10, 0, 0, end };

		if (result == 0)
			result = add_flow(fd, IPPROTO_TCP, measured);
		if (result == 0)
			result = add_flow(fd, IPPROTO_UDP, measured);
	}
	for (unsigned i = 4; i < flows && result == 0; i++) {
		const uint8_t other[4] = { 198, 18 + (i >> 16 & 1), i >> 8 & 0xff, i & 0xff };

		result = add_flow(fd, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, other);
	}
	return result;
}

/* Every possible CPU has a copy of 16 bytes. */
static int monitor_by_hash(struct bpf_object *object, unsigned ports)
{
	int fd = bpf_object__find_map_fd_by_name(object, "flows");
	int cpus = libbpf_num_possible_cpus();
	void *zeros = cpus > 0 ? calloc((size_t)cpus, 16) : NULL;
	int result = zeros ? 0 : -ENOMEM;

	for (unsigned i = 0; i < ports && result == 0; i++) {
		uint16_t port = (uint16_t)(FIRST_PORT + i);

		result = bpf_map_update_elem(fd, &port, zeros, BPF_ANY);
	}
	free(zeros);
	return result;
}

static int program_of(const struct subject *subject, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(subject->object, name);

	return program ? bpf_program__fd(program) : -ENOENT;
}

/* Before it is loaded. */
static int prepare(struct bpf_object *object)
{
	int result = configure(object);

	return result ? result : set_cpus(object);
}

static int fill_maps(enum kind kind, struct bpf_object *object, unsigned count)
{
	int result;

	switch (kind) {
	case OURS:
		return monitor(object, count, false);
	case SHARED:
		result = monitor(object, 1, true);
		return result ? result : add_flows(object, count);
	case HASH:
		return monitor_by_hash(object, count);
	case EMPTY:
		break;
	}
	return 0;
}

int subject_open(enum kind kind, const char *object, unsigned count, struct subject **subject)
{
	static const char *const names[][2] = { { "empty", "empty" },
						{ "v2m_ingress", "v2m_egress" },
						{ "v2m_ingress", "v2m_egress" },
						{ "hash_ingress", "hash_egress" } };
	struct subject *made = calloc(1, sizeof(*made));
	int result = 0;

	if (!made)
		return -ENOMEM;
	made->object = bpf_object__open_file(object, NULL);
	if (!made->object)
		result = -errno;
	if (result == 0 && (kind == OURS || kind == SHARED))
		result = prepare(made->object);
	if (result == 0)
		result = bpf_object__load(made->object);
	if (result == 0)
		result = fill_maps(kind, made->object, count);
	if (result == 0) {
		made->ingress = program_of(made, names[kind][0]);
		made->egress = program_of(made, names[kind][1]);
		result = made->ingress < 0 || made->egress < 0 ? -ENOENT : 0;
	}
	if (result)
		subject_close(made);
	else
		*subject = made;
	return result;
}

void subject_close(struct subject *subject)
{
	if (!subject)
		return;
	bpf_object__close(subject->object);
	free(subject);
}

/* Not the duration that the kernel reports: it is in whole ns, and it goes on while another process
 * has the processor. */
static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double subject_time(const struct subject *subject, bool egress, const void *packet, size_t length,
		    unsigned repeat)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = (uint32_t)length,
		    .repeat = (int)repeat);
	double began = cpu_ns();
	int result = bpf_prog_test_run_opts(egress ? subject->egress : subject->ingress, &options);

	return result ? -(double)errno : (cpu_ns() - began) / repeat;
}

int64_t subject_owned(const struct subject *subject)
{
	int fd = bpf_object__find_map_fd_by_name(subject->object, "owner_counters");
	int cpus = libbpf_num_possible_cpus();
	int64_t packets = 0;

	for (uint32_t part = 0; (int)part < 2 * cpus; part++) {
		struct v2m_owner_counters counters;
		uint32_t index = v2m_owner_index(V2M_MAX_OWNERS, part / 2, part % 2, OWNER);

		if (bpf_map_lookup_elem(fd, &index, &counters))
			return -errno;
		packets += (int64_t)counters.flow.packets;
	}
	return packets;
}
