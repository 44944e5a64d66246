// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pins/map_shape.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

struct v2m_map_shape v2m_map_shape_of(const struct bpf_map *map)
{
	return (struct v2m_map_shape){
		.type = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.entries = bpf_map__max_entries(map),
	};
}

const char *v2m_map_shape_differs(const struct v2m_map_shape *expected, int map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(map, &info, &size))
		return "information";
	if (info.type != expected->type)
		return "type";
	if (info.key_size != expected->key_size)
		return "key size";
	if (expected->value_size && info.value_size != expected->value_size)
		return "value size";
	return info.max_entries == expected->entries ? NULL : "entries";
}

uint32_t v2m_map_id(int map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}
