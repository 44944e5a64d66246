// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/flows.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/transport.h"
#include "datapath/map_list.h"
#include "datapath/state.h"
#include "label.skel.h"

/* Must be more than any bucket of the map holds, otherwise the kernel answers ENOSPC. */
#define CHUNK 4096

struct chunk {
	struct v2m_flow_key keys[CHUNK];
	struct v2m_flow_state states[CHUNK];
};

struct entries {
	V2M_ARRAY(struct v2m_flow_entry) list;
};

static int take_chunk(struct entries *entries, const struct chunk *chunk, uint32_t count)
{
	int result = v2m_array_reserve(&entries->list, count);

	/* A flow that has left the young ones is in the other map. */
	for (uint32_t i = 0; i < count && !result; i++)
		if (!chunk->states[i].left)
			result = v2m_array_add(
				&entries->list,
				(struct v2m_flow_entry){ chunk->keys[i], chunk->states[i] });
	return result;
}

/* 0 or -errno. */
static int read_map(int map, struct chunk *chunk, struct entries *entries)
{
	uint32_t *before = NULL;
	uint32_t cursor;
	int result = 0;

	while (!result) {
		uint32_t count = CHUNK;
		int taken = 0;

		result = bpf_map_lookup_batch(map, before, &cursor, chunk->keys, chunk->states,
					      &count, NULL);
		if (!result || result == -ENOENT)
			taken = take_chunk(entries, chunk, count);
		if (taken)
			return taken;
		before = &cursor;
	}
	return result == -ENOENT ? 0 : result;
}

int v2m_flows_read(struct v2m_datapath *datapath, bool young, struct v2m_flow_entry **entries,
		   size_t *count)
{
	V2M_FREE struct chunk *chunk = malloc(sizeof(*chunk));
	struct entries found = { 0 };
	int result = chunk ? 0 : -ENOMEM;

	if (!result)
		result = read_map(datapath->maps[V2M_MAP_FLOWS], chunk, &found);
	if (!result && young)
		result = read_map(datapath->maps[V2M_MAP_YOUNG_FLOWS], chunk, &found);
	if (result) {
		v2m_array_clear(&found.list);
		return result;
	}
	*entries = found.list.items;
	*count = found.list.count;
	return 0;
}

/* --- labels --- */

/* The packet of one call. */
struct call {
	uint8_t header[V2M_LABEL_HEADER];
	struct v2m_label labels[V2M_LABELS_IN_A_CALL];
};

static int set_label_maps(const struct v2m_datapath *datapath, struct label_bpf *object)
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

static int load_labels(struct v2m_datapath *datapath)
{
	struct label_bpf *object = label_bpf__open();
	int result;

	if (!object)
		return -errno;
	object->rodata->label_part = (uint32_t)datapath->cpu_ids;
	object->rodata->owners_room = datapath->owners_max;
	result = set_label_maps(datapath, object);
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

/* Does the step of each label in the kernel, and sets its result. The program is loaded at the
 * first call. 0 or -errno; then labels that were not reached have the result V2M_LABEL_UNKNOWN. */
static int run_labels(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		      struct v2m_error *error)
{
	int result = datapath->label_program < 0 ? load_labels(datapath) : 0;

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

static void set_step(struct v2m_label *labels, size_t count, enum v2m_label_step step)
{
	for (size_t i = 0; i < count; i++)
		labels[i].step = (uint8_t)step;
}

int v2m_flows_move(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		   struct v2m_error *error)
{
	set_step(labels, count, V2M_LABEL_MOVE_LAST);
	return count ? run_labels(datapath, labels, count, error) : 0;
}

int v2m_flows_move_left(struct v2m_datapath *datapath, struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	V2M_FREE struct v2m_label *labels = NULL;
	size_t n_flows = 0;
	size_t count = 0;
	int result = v2m_flows_read(datapath, false, &flows, &n_flows);

	if (result)
		return v2m_error_set(error, result, "cannot read the flows: %s", strerror(-result));
	labels = calloc(n_flows + 1, sizeof(*labels));
	if (!labels)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n_flows; i++)
		if (flows[i].state.owner != V2M_NO_OWNER)
			labels[count++] = (struct v2m_label){ .flow = flows[i].key };
	return v2m_flows_move(datapath, labels, count, error);
}

int v2m_flows_label(struct v2m_datapath *datapath, struct v2m_label *labels, size_t count,
		    struct v2m_error *error)
{
	V2M_FREE struct v2m_label *moves = calloc(count + 1, sizeof(*moves));
	int result = moves ? 0 : v2m_error_set(error, -ENOMEM, "out of memory");

	if (result || !count)
		return result;
	set_step(labels, count, V2M_LABEL_SET);
	result = run_labels(datapath, labels, count, error);
	if (result)
		return result;
	memcpy(moves, labels, count * sizeof(*moves));
	set_step(moves, count, V2M_LABEL_MOVE);
	return run_labels(datapath, moves, count, error);
}

/* Leaves what flows without owner have counted. ports: for these transports of each port; NULL: of
 * all. */
static int leave(struct v2m_datapath *datapath, const uint8_t *ports, struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *entries = NULL;
	V2M_FREE struct v2m_label *labels = NULL;
	size_t count = 0;
	size_t n = 0;
	int result = v2m_flows_read(datapath, true, &entries, &count);

	if (result)
		return v2m_error_set(error, result, "cannot read the flows: %s", strerror(-result));
	labels = calloc(count + 1, sizeof(*labels));
	if (!labels)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct v2m_flow_key *key = &entries[i].key;
		uint8_t transport = key->protocol == IPPROTO_TCP ? V2M_TCP : V2M_UDP;

		if (entries[i].state.owner == V2M_NO_OWNER &&
		    (!ports || ports[key->port] & transport))
			labels[n++] = (struct v2m_label){ .flow = *key,
							  .step = V2M_LABEL_LEAVE,
							  .began_ns = entries[i].state.began_ns };
	}
	return n ? run_labels(datapath, labels, n, error) : 0;
}

int v2m_flows_leave(struct v2m_datapath *datapath, struct v2m_error *error)
{
	return leave(datapath, NULL, error);
}

int v2m_flows_leave_begun(struct v2m_datapath *datapath, struct v2m_error *error)
{
	static const uint8_t none[sizeof(datapath->begun)];
	int result;

	if (memcmp(datapath->begun, none, sizeof(none)) == 0)
		return 0;
	result = leave(datapath, datapath->begun, error);
	if (result)
		return result;
	memset(datapath->begun, 0, sizeof(datapath->begun));
	return 1;
}

int v2m_flows_remove(struct v2m_datapath *datapath, const struct v2m_flow_key *keys, size_t count)
{
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		result = bpf_map_delete_elem(datapath->maps[V2M_MAP_FLOWS], &keys[i]);
		if (result == -ENOENT)
			result = 0;
	}
	return result;
}
