// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/flow_size.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/flows.h"
#include "datapath/map_list.h"
#include "datapath/program.h"
#include "datapath/state.h"

/* The old map. While it is pinned, nobody has noted yet that the size was changed. */
#define BEFORE "flows_before"

bool v2m_flow_size_is_pin(const char *name)
{
	return strcmp(name, BEFORE) == 0;
}

static bool is_pinned(const struct v2m_pins *pins, const char *name)
{
	char path[PATH_MAX];

	return v2m_pin_path(pins, name, path) == 0 && access(path, F_OK) == 0;
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

	return is_pinned(pins, name) || !is_pinned(pins, BEFORE) ? 0 : move_pin(pins, BEFORE, name);
}

/* 0: the kernel does not tell. */
static uint32_t size_of(int map)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.max_entries;
}

/* Makes the datapath's map of flows, as the programs need it. The old one is the caller's. */
static int make_map(struct v2m_datapath *datapath, struct v2m_error *error)
{
	const struct v2m_device_config config = {};
	int programs[V2M_N_DIRECTIONS];
	int result;

	datapath->maps[V2M_MAP_FLOWS] = -1;
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
static int swap_pins(const struct v2m_datapath *datapath)
{
	const char *name = v2m_map_names[V2M_MAP_FLOWS];
	char path[PATH_MAX];
	int result = v2m_pin_path(&datapath->pins, name, path);

	if (!result)
		result = move_pin(&datapath->pins, name, BEFORE);
	if (result)
		return result;
	result = bpf_obj_pin(datapath->maps[V2M_MAP_FLOWS], path);
	if (result)
		(void)move_pin(&datapath->pins, BEFORE, name);
	return result;
}

static int replace(struct v2m_datapath *datapath, uint32_t size, struct v2m_error *error)
{
	V2M_FREE struct v2m_flow_entry *flows = NULL;
	size_t copied;
	size_t count = 0;
	int result = v2m_flows_read(datapath, false, &flows, &count);

	if (result)
		return v2m_error_set(error, result, "%s", strerror(-result));
	result = make_map(datapath, error);
	if (result)
		return result;
	copied = copy_flows(datapath->maps[V2M_MAP_FLOWS], flows, count, true);
	copied += copy_flows(datapath->maps[V2M_MAP_FLOWS], flows, count, false);
	result = swap_pins(datapath);
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
	if (!replace(datapath, size, &error)) {
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
	return is_pinned(&datapath->pins, BEFORE);
}

void v2m_flow_size_forget(struct v2m_datapath *datapath)
{
	char path[PATH_MAX];

	if (v2m_pin_path(&datapath->pins, BEFORE, path) == 0)
		unlink(path);
}
