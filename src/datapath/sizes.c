// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/sizes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/macros.h"
#include "datapath/flows.h"
#include "datapath/map_list.h"
#include "datapath/program.h"
#include "datapath/state.h"

/* --- flows --- */

/* The old map. While it is pinned, nobody has noted yet that the size was changed. */
#define FLOWS_BEFORE "flows_before"

bool v2m_flow_size_is_pin(const char *name)
{
	return strcmp(name, FLOWS_BEFORE) == 0;
}

static bool is_pinned(const struct v2m_pins *pins, const char *name)
{
	char path[PATH_MAX];

	return v2m_pin_path(pins, name, path) == 0 && access(path, F_OK) == 0;
}

static void unpin(const struct v2m_pins *pins, const char *name)
{
	char path[PATH_MAX];

	if (v2m_pin_path(pins, name, path) == 0)
		unlink(path);
}

static int move_pin(const struct v2m_pins *pins, const char *from, const char *to)
{
	char old_path[PATH_MAX];
	char new_path[PATH_MAX];
	int result = v2m_pin_path(pins, from, old_path);

	if (!result)
		result = v2m_pin_path(pins, to, new_path);
	return !result && rename(old_path, new_path) ? -errno : result;
}

int v2m_flow_size_restore(const struct v2m_pins *pins)
{
	const char *name = v2m_map_names[V2M_MAP_FLOWS];

	return is_pinned(pins, name) || !is_pinned(pins, FLOWS_BEFORE)
		       ? 0
		       : move_pin(pins, FLOWS_BEFORE, name);
}

/* 0: the kernel does not tell. */
static uint32_t size_of(int map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.max_entries;
}

/* Makes these maps of the datapath anew, as the programs need them. The old ones are the caller's.
 */
static int make_maps(struct v2m_datapath *datapath, const enum v2m_map *maps, size_t count,
		     struct v2m_error *error)
{
	const struct v2m_device_config config = {};
	int programs[V2M_N_DIRECTIONS];
	int result;

	for (size_t i = 0; i < count; i++)
		datapath->maps[maps[i]] = -1;
	result = v2m_programs_load(datapath, &config, programs, error);
	if (result)
		return result;
	close(programs[V2M_INGRESS]);
	close(programs[V2M_EGRESS]);
	return 0;
}

/* Returns how many found room. */
static size_t copy_flows(int map, const struct v2m_flow_entry *flows, size_t count, bool owned)
{
	size_t copied = 0;

	for (size_t i = 0; i < count; i++)
		if ((flows[i].state.owner != V2M_NO_OWNER) == owned &&
		    bpf_map_update_elem(map, &flows[i].key, &flows[i].state, BPF_ANY) == 0)
			copied++;
	return copied;
}

/* There is always a pin of one of the maps under a name that the next start looks at. */
static int swap_flow_pins(const struct v2m_datapath *datapath)
{
	const char *name = v2m_map_names[V2M_MAP_FLOWS];
	char path[PATH_MAX];
	int result = v2m_pin_path(&datapath->pins, name, path);

	if (!result)
		result = move_pin(&datapath->pins, name, FLOWS_BEFORE);
	if (result)
		return result;
	result = bpf_obj_pin(datapath->maps[V2M_MAP_FLOWS], path);
	if (result)
		(void)move_pin(&datapath->pins, FLOWS_BEFORE, name);
	return result;
}

static int replace_flows(struct v2m_datapath *datapath, uint32_t size, struct v2m_error *error)
{
	const enum v2m_map flows_map = V2M_MAP_FLOWS;
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	size_t copied;
	size_t count = 0;
	int result = v2m_flows_read(datapath, false, &flows, &count);

	if (result)
		return v2m_error_set(error, result, "%s", strerror(-result));
	result = make_maps(datapath, &flows_map, 1, error);
	if (result)
		return result;
	copied = copy_flows(datapath->maps[V2M_MAP_FLOWS], flows, count, true);
	copied += copy_flows(datapath->maps[V2M_MAP_FLOWS], flows, count, false);
	result = swap_flow_pins(datapath);
	if (result)
		return v2m_error_set(error, result, "cannot pin it: %s", strerror(-result));
	v2m_log(copied < count ? V2M_LOG_WARNING : V2M_LOG_INFO,
		"shared_flows_max is %u now, and was %u: %zu of %zu open connections of shared "
		"ports go on with their users",
		datapath->flows_max, size, copied, count);
	return 0;
}

void v2m_flow_size_set(struct v2m_datapath *datapath)
{
	int old = datapath->maps[V2M_MAP_FLOWS];
	uint32_t size = size_of(old);
	struct v2m_error error = { 0 };

	if (!size || size == datapath->flows_max)
		return;
	if (!replace_flows(datapath, size, &error)) {
		close(old);
		return;
	}
	if (datapath->maps[V2M_MAP_FLOWS] != old)
		v2m_closep(&datapath->maps[V2M_MAP_FLOWS]);
	datapath->maps[V2M_MAP_FLOWS] = old;
	v2m_log_warning("shared_flows_max cannot be changed to %u and stays %u until the next "
			"start: %s",
			datapath->flows_max, size, error.text);
	datapath->flows_max = size;
}

bool v2m_flow_size_was_changed(const struct v2m_datapath *datapath)
{
	return is_pinned(&datapath->pins, FLOWS_BEFORE) || v2m_owner_size_was_changed(datapath);
}

void v2m_flow_size_forget(struct v2m_datapath *datapath)
{
	unpin(&datapath->pins, FLOWS_BEFORE);
	v2m_owner_size_forget(datapath);
}

/* --- owners --- */

/* In the order in which new maps get the names of the old ones. The last one decides whether a
 * change that was interrupted is finished or undone. */
static const enum v2m_map changed[] = { V2M_MAP_OWNER_COUNTERS, V2M_MAP_OWNER_SESSIONS,
					V2M_MAP_OWNERS };
#define N_CHANGED V2M_ARRAY_LEN(changed)

/* The names of the new maps until they get those of the old ones. */
static const char *const new_names[N_CHANGED] = { "owner_counters_new", "owner_sessions_new",
						  "owners_new" };

/* The old counters. While they are pinned, nobody has noted yet that the size was changed. */
#define OWNERS_BEFORE "owners_before"

uint32_t v2m_owner_size_for(uint32_t users)
{
	/* Owner 0 is none. */
	uint32_t owners = (users / V2M_OWNERS_STEP + 1) * V2M_OWNERS_STEP;

	return owners < V2M_OWNERS_LIMIT ? owners : V2M_OWNERS_LIMIT;
}

bool v2m_owner_size_is_pin(const char *name)
{
	for (size_t i = 0; i < N_CHANGED; i++)
		if (strcmp(name, new_names[i]) == 0)
			return true;
	return strcmp(name, OWNERS_BEFORE) == 0;
}

/* The new maps, all of which are pinned, get the names of the old ones. */
static int swap_owner_pins(const struct v2m_pins *pins)
{
	char new_path[PATH_MAX];
	char path[PATH_MAX];
	int result = 0;

	for (size_t i = 0; i < N_CHANGED && !result; i++) {
		result = v2m_pin_path(pins, new_names[i], new_path);
		if (!result)
			result = v2m_pin_path(pins, v2m_map_names[changed[i]], path);
		if (!result && rename(new_path, path) && errno != ENOENT)
			result = -errno;
	}
	return result;
}

int v2m_owner_size_restore(const struct v2m_pins *pins)
{
	if (is_pinned(pins, new_names[N_CHANGED - 1]))
		return swap_owner_pins(pins);
	for (size_t i = 0; i < N_CHANGED; i++)
		unpin(pins, new_names[i]);
	return 0;
}

void v2m_owner_size_learn(struct v2m_datapath *datapath)
{
	uint32_t size = size_of(datapath->maps[V2M_MAP_OWNERS]);

	if (size && size <= V2M_OWNERS_LIMIT && size % V2M_OWNERS_STEP == 0)
		datapath->owners_max = size;
}

/* The maps of one size. */
struct side {
	const int *maps; /* by enum v2m_map */
	uint32_t owners;
	struct v2m_owner_counters *counters;
	size_t bytes;
};

static int map_counters(struct side *side, uint32_t parts)
{
	void *memory;

	side->bytes = (size_t)parts * side->owners * sizeof(*side->counters);
	memory = mmap(NULL, side->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		      side->maps[V2M_MAP_OWNER_COUNTERS], 0);
	if (memory == MAP_FAILED)
		return -errno;
	side->counters = memory;
	return 0;
}

static void unmap_counters(struct side *side)
{
	if (side->counters)
		munmap(side->counters, side->bytes);
}

/* Programs may add to the old one meanwhile. */
static void copy_live(struct v2m_owner_counters *to, const struct v2m_owner_counters *from)
{
	to->owner = from->owner;
	to->tx = from->tx;
	to->flow.packets = __atomic_load_n(&from->flow.packets, __ATOMIC_RELAXED);
	to->flow.wire_bytes = __atomic_load_n(&from->flow.wire_bytes, __ATOMIC_RELAXED);
	to->flow.payload_bytes = __atomic_load_n(&from->flow.payload_bytes, __ATOMIC_RELAXED);
}

static int copy_counters(struct side *from, struct side *to, uint32_t used, uint32_t parts)
{
	int result = map_counters(from, parts);

	if (!result)
		result = map_counters(to, parts);
	for (uint32_t part = 0; part < parts && !result; part++)
		for (uint32_t i = 0; i < used; i++)
			copy_live(&to->counters[part * to->owners + i],
				  &from->counters[part * from->owners + i]);
	unmap_counters(from);
	unmap_counters(to);
	return result;
}

static int copy_elements(const struct side *from, const struct side *to, uint32_t used)
{
	struct v2m_flow_sessions sessions;
	struct v2m_owner owner;
	int result = 0;

	for (uint32_t i = 1; i < used && !result; i++) {
		result = bpf_map_lookup_elem(from->maps[V2M_MAP_OWNERS], &i, &owner);
		if (!result)
			result = bpf_map_lookup_elem(from->maps[V2M_MAP_OWNER_SESSIONS], &i,
						     &sessions);
		if (!result)
			result = bpf_map_update_elem(to->maps[V2M_MAP_OWNERS], &i, &owner, BPF_ANY);
		if (!result)
			result = bpf_map_update_elem(to->maps[V2M_MAP_OWNER_SESSIONS], &i,
						     &sessions, BPF_ANY);
	}
	return result;
}

/* Owners below this one have been used. They are assigned from the first on. 0 or -errno. */
static int count_used(const struct side *side, uint32_t *used)
{
	struct v2m_owner owner = { 0 };
	int result = 0;

	for (*used = 1; *used < side->owners && !result; ++*used) {
		result = bpf_map_lookup_elem(side->maps[V2M_MAP_OWNERS], used, &owner);
		if (!result && !owner.assigned_ns)
			break;
	}
	return result;
}

static int pin(const struct v2m_pins *pins, int map, const char *name)
{
	char path[PATH_MAX];
	int result = v2m_pin_path(pins, name, path);

	if (!result)
		result = bpf_obj_pin(map, path);
	return result == -EEXIST ? 0 : result;
}

/* Old counters that are pinned already stay: what they say is not noted yet. */
static int pin_new(const struct v2m_datapath *datapath, int old_counters)
{
	int result = pin(&datapath->pins, old_counters, OWNERS_BEFORE);

	for (size_t i = 0; i < N_CHANGED && !result; i++)
		result = pin(&datapath->pins, datapath->maps[changed[i]], new_names[i]);
	if (!result)
		return swap_owner_pins(&datapath->pins);
	for (size_t i = 0; i < N_CHANGED; i++)
		unpin(&datapath->pins, new_names[i]);
	return result;
}

static int replace_owners(struct v2m_datapath *datapath, struct side *from, struct v2m_error *error)
{
	struct side to = { .maps = datapath->maps, .owners = datapath->owners_wanted };
	uint32_t parts = ((uint32_t)datapath->cpu_ids + 1) * 2;
	uint32_t used;
	int result = count_used(from, &used);

	if (result)
		return v2m_error_set(error, result, "%s", strerror(-result));
	if (used > to.owners)
		return v2m_error_set(error, -ENOSPC, "%u users have figures since the last boot",
				     used - 1);
	datapath->owners_max = to.owners;
	result = make_maps(datapath, changed, N_CHANGED, error);
	if (result)
		return result;
	result = copy_counters(from, &to, used, parts);
	if (!result)
		result = copy_elements(from, &to, used);
	if (!result)
		result = pin_new(datapath, from->maps[V2M_MAP_OWNER_COUNTERS]);
	if (result)
		return v2m_error_set(error, result, "%s", strerror(-result));
	v2m_log_info("there is room for %u users of shared ports now, and was for %u: %u of them "
		     "go on with their figures",
		     to.owners - 1, from->owners - 1, used - 1);
	return 0;
}

void v2m_owner_size_set(struct v2m_datapath *datapath)
{
	int old[V2M_N_MAPS];
	struct side from = { .maps = old, .owners = datapath->owners_max };
	struct v2m_error error = { 0 };

	if (datapath->owners_max == datapath->owners_wanted)
		return;
	memcpy(old, datapath->maps, sizeof(old));
	if (!replace_owners(datapath, &from, &error)) {
		for (size_t i = 0; i < N_CHANGED; i++)
			close(old[changed[i]]);
		return;
	}
	for (size_t i = 0; i < N_CHANGED; i++) {
		if (datapath->maps[changed[i]] != old[changed[i]])
			v2m_closep(&datapath->maps[changed[i]]);
		datapath->maps[changed[i]] = old[changed[i]];
	}
	datapath->owners_max = from.owners;
	v2m_log_warning("shared_users_max cannot be changed: there is room for %u users of shared "
			"ports, as before, until the next start: %s",
			from.owners - 1, error.text);
}

bool v2m_owner_size_was_changed(const struct v2m_datapath *datapath)
{
	return is_pinned(&datapath->pins, OWNERS_BEFORE);
}

void v2m_owner_size_forget(struct v2m_datapath *datapath)
{
	unpin(&datapath->pins, OWNERS_BEFORE);
}
