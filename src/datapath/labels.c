// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/labels.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "datapath/map_list.h"
#include "datapath/state.h"
#include "label.skel.h"

/* The packet of one call. */
struct call {
	uint8_t header[V2M_LABEL_HEADER];
	struct v2m_label labels[V2M_LABELS_IN_A_CALL];
};

static int set_maps(const struct v2m_datapath *datapath, struct label_bpf *object)
{
	static const enum v2m_map used[] = { V2M_MAP_FLOWS, V2M_MAP_YOUNG_FLOWS,
					     V2M_MAP_OWNER_COUNTERS, V2M_MAP_OWNERS,
					     V2M_MAP_OWNER_SESSIONS };
	int result = 0;

	for (size_t i = 0; i < V2M_ARRAY_LEN(used) && !result; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(object->obj, v2m_map_names[used[i]]);

		result = map ? bpf_map__reuse_fd(map, datapath->maps[used[i]]) : -ENOENT;
	}
	return result;
}

static int load(struct v2m_datapath *datapath)
{
	struct label_bpf *object = label_bpf__open();
	int result;

	if (!object)
		return -errno;
	object->rodata->label_part = (uint32_t)datapath->cpu_ids;
	result = set_maps(datapath, object);
	if (!result)
		result = label_bpf__load(object);
	if (!result) {
		datapath->label_program =
			fcntl(bpf_program__fd(object->progs.v2m_label), F_DUPFD_CLOEXEC, 3);
		result = datapath->label_program < 0 ? -errno : 0;
	}
	label_bpf__destroy(object);
	return result;
}

static int run_call(const struct v2m_datapath *datapath, struct v2m_label *labels, size_t count)
{
	struct call call = { .header = { 0 } };
	uint32_t size = (uint32_t)(offsetof(struct call, labels) + count * sizeof(*labels));
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &call, .data_size_in = size,
		    .data_out = &call, .data_size_out = size, .repeat = 1);

	memcpy(call.labels, labels, count * sizeof(*labels));
	if (bpf_prog_test_run_opts(datapath->label_program, &options))
		return -errno;
	if (options.data_size_out != size)
		return -EPROTO;
	memcpy(labels, call.labels, count * sizeof(*labels));
	return 0;
}

int v2m_labels_run(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		   struct v2m_error *error)
{
	int result = datapath->label_program < 0 ? load(datapath) : 0;

	if (result)
		return v2m_error_set(error, result, "cannot load the label program: %s",
				     strerror(-result));
	for (size_t i = 0; i < count; i++)
		labels[i].result = V2M_LABEL_UNKNOWN;
	for (size_t i = 0; i < count && !result; i += V2M_LABELS_IN_A_CALL) {
		size_t n = count - i < V2M_LABELS_IN_A_CALL ? count - i : V2M_LABELS_IN_A_CALL;

		result = run_call(datapath, labels + i, n);
	}
	return result ? v2m_error_set(error, result, "cannot label flows: %s", strerror(-result))
		      : 0;
}
