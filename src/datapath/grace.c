// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/grace.h"

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Kernels that run CPUs without a tick refuse MEMBARRIER_CMD_GLOBAL. An update of a map of maps
 * waits for a grace period too, so that nobody sees the old inner map afterwards
 * (maybe_wait_bpf_programs(), Linux 4.20). */
static int wait_by_map_update(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	V2M_CLOSE int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
	V2M_CLOSE int outer = -1;
	uint32_t key = 0;

	if (inner < 0)
		return inner;
	options.inner_map_fd = (uint32_t)inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL, 4, 4, 1, &options);
	if (outer < 0)
		return outer;
	return bpf_map_update_elem(outer, &key, &inner, BPF_ANY);
}

/* tc programs run in RCU read-side sections, and the global membarrier is a synchronize_rcu(). */
int v2m_grace_period(void)
{
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return 0;
	return wait_by_map_update();
}
