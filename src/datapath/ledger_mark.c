// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/ledger_mark.h"

#include <bpf/bpf.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"

int v2m_datapath_read_mark(const struct v2m_datapath *datapath, struct v2m_ledger_mark *mark)
{
	uint32_t key = 0;
	int result = bpf_map_lookup_elem(datapath->maps[V2M_MAP_LEDGER], &key, mark);

	mark->name[sizeof(mark->name) - 1] = 0;
	return result;
}

int v2m_datapath_write_mark(struct v2m_datapath *datapath, const struct v2m_ledger_mark *mark)
{
	uint32_t key = 0;

	return bpf_map_update_elem(datapath->maps[V2M_MAP_LEDGER], &key, mark, BPF_ANY);
}

int v2m_ledger_mark_make(void)
{
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, v2m_map_names[V2M_MAP_LEDGER], sizeof(uint32_t),
			      sizeof(struct v2m_ledger_mark), 1, NULL);
}

struct v2m_map_shape v2m_ledger_mark_shape(void)
{
	return (struct v2m_map_shape){
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct v2m_ledger_mark),
		.entries = 1,
	};
}
