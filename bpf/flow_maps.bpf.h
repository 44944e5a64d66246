/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps of flows on shared slots. The counting programs and the label program share them. */
#ifndef V2METER_FLOW_MAPS_BPF_H
#define V2METER_FLOW_MAPS_BPF_H

#include <bpf/bpf_helpers.h>

#include "v2meter/bpf_abi.h"

#define NO_PREALLOC (1U << 0) /* BPF_F_NO_PREALLOC: a server without shared ports pays nothing */

/* The size is the default of a setting. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, V2M_MAX_FLOWS);
	__uint(map_flags, NO_PREALLOC);
	__type(key, struct v2m_flow_key);
	__type(value, struct v2m_flow_state);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, V2M_MAX_YOUNG_FLOWS);
	__type(key, struct v2m_flow_key);
	__type(value, struct v2m_flow_state);
} young_flows SEC(".maps");

/* The size for one CPU and the part of the labels. The loader knows the number of CPUs. The number
 * of owners is the default of a setting, here and below. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4 * V2M_MAX_OWNERS);
	__uint(map_flags, 1U << 10); /* BPF_F_MMAPABLE, Linux 5.5 */
	__type(key, __u32);
	__type(value, struct v2m_owner_counters);
} owner_counters SEC(".maps");

/* The label program adds to it, and the programs of sockets, which find it in a map of maps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, V2M_MAX_OWNERS);
	__uint(map_flags, 1U << 10); /* BPF_F_MMAPABLE */
	__type(key, __u32);
	__type(value, struct v2m_flow_sessions);
} owner_sessions SEC(".maps");

/* Only the daemon uses it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, V2M_MAX_OWNERS);
	__type(key, __u32);
	__type(value, struct v2m_owner);
} owners SEC(".maps");

#endif
