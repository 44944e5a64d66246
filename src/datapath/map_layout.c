// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/map_layout.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const flow_names[V2M_COUNTER_FLOWS] = { "tcp_rx", "tcp_tx", "udp_rx", "udp_tx" };
static const char *const one_way_names[V2M_COUNTER_FLOWS] = { "tcp", "tcp", "udp", "udp" };

/* NULL and errno. */
static struct btf *read_btf(int btf_map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	uint32_t key = 0;
	V2M_FREE uint8_t *raw = NULL;

	if (bpf_obj_get_info_by_fd(btf_map, &info, &size))
		return NULL;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != sizeof(key)) {
		errno = EPROTO;
		return NULL;
	}
	raw = malloc(info.value_size);
	if (!raw || bpf_map_lookup_elem(btf_map, &key, raw))
		return NULL;
	return btf__new(raw, info.value_size);
}

int v2m_map_layout_open(int map, int btf_map, const char *type, struct v2m_map_layout *layout)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	struct btf *btf;
	int id;

	if (bpf_obj_get_info_by_fd(map, &info, &size))
		return -errno;
	if (btf_map < 0 && !info.btf_id)
		return -EPROTO;
	btf = btf_map >= 0 ? read_btf(btf_map) : btf__load_from_kernel_by_id(info.btf_id);
	if (!btf)
		return -errno;
	id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	if (id < 0) {
		btf__free(btf);
		return -EPROTO;
	}
	*layout = (struct v2m_map_layout){
		.btf = btf,
		.value_type = (uint32_t)id,
		.value_size = info.value_size,
		.map_type = info.type,
		.entries = info.max_entries,
	};
	return 0;
}

void v2m_map_layout_close(struct v2m_map_layout *layout)
{
	btf__free(layout->btf);
	layout->btf = NULL;
}

static const struct btf_type *resolve(const struct btf *btf, uint32_t id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static const struct btf_member *find_member(const struct btf *btf, uint32_t id, const char *name,
					    size_t length, uint32_t *offset)
{
	const struct btf_type *type = resolve(btf, id);

	if (!type || !btf_is_struct(type))
		return NULL;
	for (int i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = btf_members(type) + i;
		const char *found = btf__name_by_offset(btf, member->name_off);

		if (!found || strlen(found) != length || memcmp(found, name, length) != 0 ||
		    btf_member_bitfield_size(type, (uint32_t)i))
			continue;
		*offset += btf_member_bit_offset(type, (uint32_t)i) / 8;
		return member;
	}
	return NULL;
}

/* Finds offset and size of a member. 0 or -EPROTO. */
static int find(const struct v2m_map_layout *layout, const char *path,
		struct v2m_counter_place *place)
{
	uint32_t id = layout->value_type;
	uint32_t offset = 0;
	int64_t size;

	while (*path) {
		size_t length = strcspn(path, ".");
		const struct btf_member *member =
			find_member(layout->btf, id, path, length, &offset);

		if (!member)
			return -EPROTO;
		id = member->type;
		path += length + (path[length] == '.');
	}
	size = btf__resolve_size(layout->btf, id);
	if (size <= 0 || offset + size > layout->value_size)
		return -EPROTO;
	*place = (struct v2m_counter_place){ .offset = offset, .size = (uint32_t)size };
	return 0;
}

int v2m_map_layout_find(const struct v2m_map_layout *layout, const char *path, uint32_t size)
{
	struct v2m_counter_place place;
	int result = find(layout, path, &place);

	if (result)
		return result;
	return size == 0 || place.size == size ? (int)place.offset : -EPROTO;
}

/* Leaves the place empty if there is no such integer. */
static void find_counter(const struct v2m_map_layout *layout, const char *flow, const char *name,
			 struct v2m_counter_place *place)
{
	char path[64];

	*place = (struct v2m_counter_place){};
	snprintf(path, sizeof(path), "%s%s%s", flow, *flow ? "." : "", name);
	if (find(layout, path, place) ||
	    (place->size != 1 && place->size != 2 && place->size != 4 && place->size != 8))
		*place = (struct v2m_counter_place){};
}

static void find_identity(const struct v2m_map_layout *value, struct v2m_counter_layout *layout)
{
	find_counter(value, "", "port", &layout->port);
	if (!layout->port.size)
		find_counter(value, "", "first_port", &layout->port);
	find_counter(value, "", "last_port", &layout->last_port);
	find_counter(value, "", "slot", &layout->slot);
	find_counter(value, "", "transports", &layout->transports);
	find_counter(value, "", "tx", &layout->tx);
	find_counter(value, "", "assigned_ns", &layout->assigned_ns);
}

static bool is_understood(const struct v2m_counter_layout *layout)
{
	for (int i = 0; i < V2M_COUNTER_FLOWS; i++)
		if (!layout->wire_bytes[i].size)
			return false;
	if (!layout->port.size)
		return false;
	/* If a slot has several elements, each must name its slot. */
	return layout->per_cpu || layout->slot.size;
}

int v2m_counter_layout_read(int map, int btf_map, struct v2m_counter_layout *layout)
{
	struct v2m_map_layout value;
	struct v2m_counter_layout found = {};
	int result = v2m_map_layout_open(map, btf_map, "v2m_port_counters", &value);

	if (result)
		return result;
	found.entries = value.entries;
	found.per_cpu = value.map_type == BPF_MAP_TYPE_PERCPU_ARRAY;
	found.stride = (value.value_size + 7) / 8 * 8;
	find_identity(&value, &found);
	for (int i = 0; i < V2M_COUNTER_FLOWS; i++) {
		const char *flow = found.tx.size ? one_way_names[i] : flow_names[i];

		find_counter(&value, flow, "packets", &found.packets[i]);
		find_counter(&value, flow, "wire_bytes", &found.wire_bytes[i]);
		find_counter(&value, flow, "payload_bytes", &found.payload_bytes[i]);
	}
	if (!found.per_cpu && value.map_type != BPF_MAP_TYPE_ARRAY)
		result = -EPROTO;
	v2m_map_layout_close(&value);
	if (result || !is_understood(&found))
		return -EPROTO;
	*layout = found;
	return 0;
}

uint64_t v2m_counter_get(const struct v2m_counter_place *place, const uint8_t *value)
{
	uint64_t number = 0;
	uint32_t half;
	uint16_t quarter;

	switch (place->size) {
	case 1:
		return value[place->offset];
	case 2:
		memcpy(&quarter, value + place->offset, sizeof(quarter));
		return quarter;
	case 4:
		memcpy(&half, value + place->offset, sizeof(half));
		return half;
	case 8:
		memcpy(&number, value + place->offset, sizeof(number));
		return number;
	default:
		return 0;
	}
}
