/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a pinned map is the one that its name promises. libbpf does not compare: a map that is
 * reused keeps its own sizes, and look-ups into a smaller buffer write behind it. */
#ifndef V2METER_PINS_MAP_SHAPE_H
#define V2METER_PINS_MAP_SHAPE_H

#include <stdint.h>

struct bpf_map;

struct v2m_map_shape {
	uint32_t type; /* enum bpf_map_type */
	uint32_t key_size;
	uint32_t value_size; /* 0: any */
	uint32_t entries;
};

/* The shape that an object's map is defined with. */
struct v2m_map_shape v2m_map_shape_of(const struct bpf_map *map);
/* The first property in which the open map differs: "type", "key size", "value size" or "entries";
 * "information" if the kernel does not tell. NULL: it has the shape. */
const char *v2m_map_shape_differs(const struct v2m_map_shape *expected, int map);
/* The id of an open map. 0: the kernel does not tell it, and errno says why. */
uint32_t v2m_map_id(int map);

#endif
