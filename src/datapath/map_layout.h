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

/* type: the struct that is the map's value. btf_map: the map that holds the BTF; if negative, the
 * BTF that the kernel keeps with the map is read, which needs CAP_SYS_ADMIN. 0, or -errno; -EPROTO
 * if there is no BTF with that type. */
int v2m_map_layout_open(int map, int btf_map, const char *type, struct v2m_map_layout *layout);
void v2m_map_layout_close(struct v2m_map_layout *layout);
/* Returns the offset of a member ("tcp_rx.packets" for a member of a member), or -EPROTO if there
 * is no such member of this size. size 0 accepts 1, 2, 4 and 8. */
int v2m_map_layout_find(const struct v2m_map_layout *layout, const char *path, uint32_t size);

/* The place of a counter in a value. size is 0 if this layout has no such counter. */
struct v2m_counter_place {
	uint32_t offset;
	uint32_t size;
};

/* tcp_rx, tcp_tx, udp_rx, udp_tx */
#define V2M_COUNTER_FLOWS 4

/* The layout of port_counters in any version. Version 1 had a PERCPU_ARRAY, indexed by the slot,
 * with the member port and the flows tcp_rx to udp_tx. Since version 2 it is an ARRAY with one
 * element for each CPU, direction and slot. An element names its slot and direction (tx) and has
 * the flows tcp and udp. */
struct v2m_counter_layout {
	uint32_t entries;
	bool per_cpu;    /* a look-up gives every CPU's copy */
	uint32_t stride; /* from one CPU's copy to the next */
	struct v2m_counter_place port;
	struct v2m_counter_place last_port;
	struct v2m_counter_place slot;
	struct v2m_counter_place transports;
	struct v2m_counter_place tx; /* size 0: the names of the flows contain the direction */
	struct v2m_counter_place assigned_ns;
	struct v2m_counter_place packets[V2M_COUNTER_FLOWS];
	struct v2m_counter_place wire_bytes[V2M_COUNTER_FLOWS];
	struct v2m_counter_place payload_bytes[V2M_COUNTER_FLOWS];
};

/* Reads the layout of a port_counters map of any version. It must have the port and wire_bytes.
 * btf_map as above. 0, or -errno; -EPROTO if it is no such map. */
int v2m_counter_layout_read(int map, int btf_map, struct v2m_counter_layout *layout);
/* Returns 0 if the layout has no such counter. */
uint64_t v2m_counter_get(const struct v2m_counter_place *place, const uint8_t *value);

#endif
