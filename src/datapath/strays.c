// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/strays.h"

/* The constants of tcx are those of attach_tcx.c. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/attach_tcx.h"
#include "datapath/map_list.h"
#include "datapath/previous.h"
#include "datapath/state.h"
#include "datapath/take_off.h"
#include "pins/map_shape.h"
#include "pins/strays.h"

#define MAPS_PER_PROGRAM 16

/* The entries of a directory. They are collected first, because the directory changes while we work
 * on them. */
struct entries {
	V2M_ARRAY(struct { char name[NAME_MAX + 1]; }) list;
};

static int collect_entry(const char *name, void *context)
{
	struct entries *entries = context;
	int result = v2m_array_reserve(&entries->list, 1);

	if (result == 0)
		snprintf(entries->list.items[entries->list.count++].name, NAME_MAX + 1, "%s", name);
	return result;
}

static bool is_same_link(const char *path, uint32_t link_id)
{
	V2M_CLOSE int fd = bpf_obj_get(path);
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.id == link_id;
}

/* Finds the place of a pin in own: for a tcx link by its device and direction, otherwise by its
 * name. 0, or -ENOENT if it has no place there. */
static int find_place(const struct v2m_pins *own, const char *name, int fd, uint32_t *link_id,
		      char place[PATH_MAX])
{
	enum v2m_direction direction;
	uint32_t ifindex;

	*link_id = v2m_pin_is_link(fd) ? v2m_tcx_link(fd, &ifindex, &direction) : 0;
	if (*link_id && ifindex)
		return v2m_pin_path_of(own, "link", ifindex, direction, place);
	return v2m_pin_ifindex(name) ? v2m_pin_path(own, name, place) : -ENOENT;
}

/* 1: it was moved or removed. */
static int take_back(const struct v2m_pins *own, const struct v2m_pins *from, const char *name)
{
	char path[PATH_MAX];
	char place[PATH_MAX];
	V2M_CLOSE int fd = -1;
	uint32_t link_id;

	if (v2m_pin_path(from, name, path))
		return 0;
	fd = bpf_obj_get(path);
	if (fd < 0 || find_place(own, name, fd, &link_id, place) || strcmp(path, place) == 0)
		return 0;
	if (access(place, F_OK))
		return rename(path, place) ? -errno : 1;
	if (link_id && !is_same_link(place, link_id))
		bpf_link_detach(fd);
	return unlink(path) ? -errno : 1;
}

static int take_back_all(const struct v2m_pins *own, const struct v2m_pins *from)
{
	struct entries entries = { 0 };
	int moved = v2m_directory_walk(from->dir, collect_entry, &entries);

	for (size_t i = 0; i < entries.list.count && moved >= 0; i++) {
		int result = take_back(own, from, entries.list.items[i].name);

		moved = result < 0 ? result : moved + result;
	}
	v2m_array_clear(&entries.list);
	return moved;
}

static int empty_stray(const struct v2m_pins *stray, void *context)
{
	const struct v2m_pins *own = context;
	int moved = take_back_all(own, stray);

	if (moved < 0)
		return moved;
	/* With a pin of somebody else in it the directory stays. */
	(void)v2m_pins_remove(stray);
	v2m_log_warning("%s had been renamed: its pins are back in %s", stray->dir, own->dir);
	return 0;
}

int v2m_strays_take_back(struct v2m_datapath *datapath, struct v2m_error *error)
{
	struct v2m_pins *own = &datapath->pins;
	int result = v2m_strays_walk(own, v2m_map_names[V2M_MAP_PORT_COUNTERS],
				     datapath->maps[V2M_MAP_PORT_COUNTERS], empty_stray, own);

	if (result == 0)
		result = take_back_all(own, own);
	if (result > 0)
		v2m_log_warning("links in %s had been renamed: they have their names again",
				own->dir);
	if (result < 0)
		return v2m_error_set(error, result,
				     "pins that were renamed cannot be moved back: %s",
				     strerror(-result));
	return 0;
}

static bool counts_into(int program, uint32_t map_id)
{
	uint32_t maps[MAPS_PER_PROGRAM] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = MAPS_PER_PROGRAM, .map_ids = (uintptr_t)maps };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size))
		return false;
	for (size_t i = 0; i < MAPS_PER_PROGRAM; i++)
		if (maps[i] == map_id)
			return true;
	return false;
}

/* Detaches the program if the kernel shows it to us, which needs CAP_SYS_ADMIN. */
static void evict(const struct v2m_tcx_user *user, uint32_t map_id)
{
	V2M_CLOSE int program = bpf_prog_get_fd_by_id(user->program_id);
	V2M_CLOSE int link = -1;

	if (program < 0 || !counts_into(program, map_id))
		return;
	link = bpf_link_get_fd_by_id(user->link_id);
	if (link >= 0 && bpf_link_detach(link) == 0)
		v2m_log_warning(
			"detached program %u: it counted packets a second time into our maps, "
			"by a link that we did not pin",
			user->program_id);
}

void v2m_strays_evict(struct v2m_datapath *datapath, uint32_t ifindex)
{
	uint32_t map_id = v2m_map_id(datapath->maps[V2M_MAP_PORT_COUNTERS]);

	/* Unused entries of a program's list are 0 as well. */
	if (map_id == 0)
		return;
	for (int i = V2M_INGRESS; i <= V2M_EGRESS; i++) {
		enum v2m_direction direction = (enum v2m_direction)i;
		struct v2m_tcx_user users[V2M_TCX_USERS];
		size_t count = v2m_tcx_users(ifindex, direction, users);

		for (size_t u = 0; u < count; u++)
			if (!v2m_tcx_intact(&datapath->pins, ifindex, direction,
					    users[u].program_id))
				evict(&users[u], map_id);
	}
}

static bool has_pin(const struct v2m_pins *pins, enum v2m_map map)
{
	char path[PATH_MAX];

	return v2m_pin_path(pins, v2m_map_names[map], path) == 0 && access(path, F_OK) == 0;
}

bool v2m_strays_has_maps(const struct v2m_pins *pins)
{
	return has_pin(pins, V2M_MAP_META) && has_pin(pins, V2M_MAP_PORT_COUNTERS);
}

static bool has_same_counters(const struct v2m_pins *a, const struct v2m_pins *b)
{
	V2M_CLOSE int left = v2m_pin_get(a, v2m_map_names[V2M_MAP_PORT_COUNTERS]);
	V2M_CLOSE int right = v2m_pin_get(b, v2m_map_names[V2M_MAP_PORT_COUNTERS]);

	return left >= 0 && right >= 0 && v2m_map_id(left) == v2m_map_id(right);
}

static bool has_name_of_ours(const char *name)
{
	unsigned number;
	char rest;

	return sscanf(name, "v%u%c", &number, &rest) == 1 ||
	       sscanf(name, "previous_%u%c", &number, &rest) == 1;
}

/* Moves one directory. Returns 1 if it did, because the walk has to start again then. */
static int restore(const char *name, void *context)
{
	struct v2m_datapath *datapath = context;
	struct v2m_pins *own = &datapath->pins;
	struct v2m_pins other;
	int result = v2m_pins_init(&other, datapath->pin_dir, name);

	if (result || has_name_of_ours(name) || !v2m_strays_has_maps(&other) ||
	    has_same_counters(&other, own))
		return result;
	if (has_pin(own, V2M_MAP_META) || has_pin(own, V2M_MAP_PORT_COUNTERS)) {
		result = v2m_previous_set_aside(datapath, name, "had been renamed", NULL);
		return result ? result : 1;
	}
	if ((rmdir(own->dir) && errno != ENOENT) || rename(other.dir, own->dir))
		return -errno;
	v2m_log_warning("%s had been renamed: it is %s again", other.dir, own->dir);
	return 1;
}

int v2m_strays_restore(struct v2m_datapath *datapath, struct v2m_error *error)
{
	int result;

	do {
		result = v2m_directory_walk(datapath->pin_dir, restore, datapath);
	} while (result == 1);
	if (result)
		return v2m_error_set(error, result,
				     "a directory in %s that was renamed cannot be "
				     "moved back: %s",
				     datapath->pin_dir, strerror(-result));
	return 0;
}
