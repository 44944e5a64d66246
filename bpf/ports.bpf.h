/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of the ports, of this host's addresses and of foreign flows. The programs on tc use
 * them, and those that watch fragments. */
#ifndef V2METER_PORTS_BPF_H
#define V2METER_PORTS_BPF_H

#include <bpf/bpf_helpers.h>

#include "v2meter/bpf_abi.h"

#define MAPPABLE (1U << 10) /* BPF_F_MMAPABLE, Linux 5.5 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__uint(map_flags, MAPPABLE);
	__type(key, __u32);
	__type(value, struct v2m_port_slot);
} port_slot SEC(".maps");

/* The size for one CPU. The loader knows the number of CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * V2M_MAX_SLOTS);
	__uint(map_flags, MAPPABLE);
	__type(key, __u32);
	__type(value, struct v2m_port_counters);
} port_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_LOCAL_ADDRESSES);
	__type(key, struct v2m_local_address);
	__type(value, __u8);
} local_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, V2M_MAX_FOREIGN_FLOWS);
	__type(key, struct v2m_foreign_flow);
	__type(value, __u8);
} foreign_flows SEC(".maps");

#endif
