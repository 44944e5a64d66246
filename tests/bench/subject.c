// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "v2meter/bpf_abi.h"

struct subject {
	struct bpf_object *object;
	int ingress;
	int egress;
};

static int configure(struct bpf_object *object)
{
	const struct v2m_device_config config = { .device_slot = 3, .link_header = 14 };
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
	int cpus = libbpf_num_possible_cpus();

	if (!counters || cpus < 0)
		return cpus < 0 ? cpus : -ENOENT;
	/* An older build has one element for all CPUs. */
	if (bpf_map__type(counters) != BPF_MAP_TYPE_ARRAY)
		return 0;
	return bpf_map__set_max_entries(counters, v2m_counter_index((uint32_t)cpus, 0, 0));
}

static int monitor(struct bpf_object *object, unsigned ports)
{
	int fd = bpf_object__find_map_fd_by_name(object, "port_slot");
	int result = 0;

	for (unsigned i = 0; i < ports && result == 0; i++) {
		const struct v2m_transport_slot both = { .slot = i & (V2M_MAX_SLOTS - 1),
							 .counted = 1 };
		const struct v2m_port_slot place = { .tcp = both, .udp = both };
		uint32_t port = FIRST_PORT + i;

		result = bpf_map_update_elem(fd, &port, &place, BPF_ANY);
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

int subject_open(enum kind kind, const char *object, unsigned ports, struct subject **subject)
{
	static const char *const names[][2] = { { "empty", "empty" },
						{ "v2m_ingress", "v2m_egress" },
						{ "hash_ingress", "hash_egress" } };
	struct subject *made = calloc(1, sizeof(*made));
	int result = 0;

	if (!made)
		return -ENOMEM;
	made->object = bpf_object__open_file(object, NULL);
	if (!made->object)
		result = -errno;
	if (result == 0 && kind == OURS)
		result = configure(made->object);
	if (result == 0 && kind == OURS)
		result = set_cpus(made->object);
	if (result == 0)
		result = bpf_object__load(made->object);
	if (result == 0 && kind == OURS)
		result = monitor(made->object, ports);
	if (result == 0 && kind == HASH)
		result = monitor_by_hash(made->object, ports);
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
