/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The layout of a map's value, from the BTF that the map was made with. */
#ifndef V2METER_DATAPATH_MAP_LAYOUT_H
#define V2METER_DATAPATH_MAP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

struct v2m_map_layout {
	struct btf *btf;
	uint32_t value_type;
	uint32_t value_size;
	uint32_t map_type;
	uint32_t entries;
};

/* type: the struct that is the map's value. btf_map: the map that holds the BTF; negative: what the
 * kernel keeps with the map, which takes CAP_SYS_ADMIN. 0, or -errno; -EPROTO where there is no BTF
 * with that type. */
int v2m_map_layout_open(int map, int btf_map, const char *type, struct v2m_map_layout *layout);
void v2m_map_layout_close(struct v2m_map_layout *layout);
/* The offset of a member, "tcp_rx.packets" for a member's member, if it has this size (0: 1, 2, 4
 * or 8). Or -EPROTO. */
int v2m_map_layout_find(const struct v2m_map_layout *layout, const char *path, uint32_t size);

/* Where a counter is; size 0: this layout has no such counter. */
struct v2m_counter_place {
	uint32_t offset;
	uint32_t size;
};

/* tcp_rx, tcp_tx, udp_rx, udp_tx */
#define V2M_COUNTER_FLOWS 4

/* Of port_counters in any version. Version 1 had a PERCPU_ARRAY by slot, with port and the flows
 * tcp_rx to udp_tx. Since version 2 it is an ARRAY with elements for each CPU and direction, which
 * name their slot, and tx: they have the flows tcp and udp. */
struct v2m_counter_layout {
	uint32_t entries;
	bool per_cpu;    /* a look-up gives every CPU's copy */
	uint32_t stride; /* from one CPU's copy to the next */
	struct v2m_counter_place port;
	struct v2m_counter_place last_port;
	struct v2m_counter_place slot;
	struct v2m_counter_place transports;
	struct v2m_counter_place tx; /* size 0: a flow has its direction in its name */
	struct v2m_counter_place assigned_ns;
	struct v2m_counter_place packets[V2M_COUNTER_FLOWS];
	struct v2m_counter_place wire_bytes[V2M_COUNTER_FLOWS];
	struct v2m_counter_place payload_bytes[V2M_COUNTER_FLOWS];
};

/* The layout of a port_counters map of any version: the port and wire_bytes have to be there.
 * btf_map as above. 0, or -errno; -EPROTO where it is no such map. */
int v2m_counter_layout_read(int map, int btf_map, struct v2m_counter_layout *layout);
/* 0 where the layout has no such counter. */
uint64_t v2m_counter_get(const struct v2m_counter_place *place, const uint8_t *value);

#endif
