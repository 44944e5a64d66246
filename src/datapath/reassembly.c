// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/reassembly.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "datapath/map_list.h"
#include "datapath/state.h"
#include "fragments.skel.h"
#include "pins/pins.h"
#include "pins/quiet_load.h"

#define PIN_PREFIX "reassembly_link"

/* A link of these programs, by its number and generation. */
static void name_pin(char name[64], int number, uint32_t generation)
{
	snprintf(name, 64, PIN_PREFIX "%d_%08x", number, generation);
}

static bool read_pin(const char *name, int *number, uint32_t *generation)
{
	char rest;

	return sscanf(name, PIN_PREFIX "%d_%8x%c", number, generation, &rest) == 2;
}

bool v2m_reassembly_is_pin(const char *name)
{
	uint32_t generation;
	int number;

	return read_pin(name, &number, &generation);
}

static int read_scope(const struct v2m_datapath *datapath, struct v2m_reassembly_scope *scope)
{
	uint32_t first = 0;

	return bpf_map_lookup_elem(datapath->maps[V2M_MAP_REASSEMBLY_SCOPE], &first, scope);
}

/* tc adds to guessed meanwhile, and one of its additions may be lost: figures for an operator. */
static int write_scope(const struct v2m_datapath *datapath, uint32_t netns, uint32_t generation)
{
	struct v2m_reassembly_scope scope;
	uint32_t first = 0;
	int result = read_scope(datapath, &scope);

	scope.netns = netns;
	scope.generation = generation;
	return result ? result
		      : bpf_map_update_elem(datapath->maps[V2M_MAP_REASSEMBLY_SCOPE], &first,
					    &scope, BPF_ANY);
}

static int pin_path(const struct v2m_datapath *datapath, int number, uint32_t generation,
		    char path[PATH_MAX])
{
	char name[64];

	name_pin(name, number, generation);
	return v2m_pin_path(&datapath->pins, name, path);
}

static bool is_pinned(const struct v2m_datapath *datapath, uint32_t generation)
{
	char path[PATH_MAX];

	for (int i = 0; i < V2M_N_REASSEMBLY_LINKS; i++)
		if (pin_path(datapath, i, generation, path) || access(path, F_OK))
			return false;
	return generation != 0;
}

struct removal {
	const struct v2m_datapath *datapath;
	uint32_t kept;
};

static int remove_any(const char *name, void *context)
{
	const struct v2m_pins *pins = context;
	char path[PATH_MAX];

	if (v2m_reassembly_is_pin(name) && v2m_pin_path(pins, name, path) == 0)
		unlink(path);
	return 0;
}

void v2m_reassembly_take_off(const struct v2m_pins *pins)
{
	struct v2m_pins removed = *pins;

	v2m_directory_walk(pins->dir, remove_any, &removed);
}

static int remove_other(const char *name, void *context)
{
	const struct removal *removal = context;
	uint32_t generation;
	char path[PATH_MAX];
	int number;

	if (read_pin(name, &number, &generation) && generation != removal->kept &&
	    v2m_pin_path(&removal->datapath->pins, name, path) == 0)
		unlink(path);
	return 0;
}

static int reuse_maps(const struct v2m_datapath *datapath, struct fragments_bpf *object)
{
	for (int i = 0; i < V2M_N_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object->obj, v2m_map_names[i]);
		int result = map ? bpf_map__reuse_fd(map, datapath->maps[i]) : 0;

		if (result)
			return result;
	}
	return 0;
}

static int attach_one(struct v2m_datapath *datapath, const struct bpf_program *program, int number,
		      uint32_t generation)
{
	struct bpf_link *link = bpf_program__attach(program);
	char path[PATH_MAX];
	int result;

	if (!link)
		return -errno;
	datapath->reassembly_links[number] = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 3);
	result = datapath->reassembly_links[number] < 0 ? -errno : 0;
	if (!result)
		result = pin_path(datapath, number, generation, path);
	if (!result)
		result = bpf_obj_pin(datapath->reassembly_links[number], path);
	bpf_link__destroy(link);
	return result;
}

static int attach_all(struct v2m_datapath *datapath, struct fragments_bpf *object,
		      uint32_t generation)
{
	const struct bpf_program *const programs[V2M_N_REASSEMBLY_LINKS] = {
		object->progs.v2m_fragment_queued,
		object->progs.v2m_datagram_complete,
		object->progs.v2m_fragments_dropped,
	};
	int result = 0;

	for (int i = 0; i < V2M_N_REASSEMBLY_LINKS && !result; i++)
		result = attach_one(datapath, programs[i], i, generation);
	return result;
}

static int load_and_attach(struct v2m_datapath *datapath, uint32_t generation)
{
	struct fragments_bpf *object = fragments_bpf__open();
	libbpf_print_fn_t usual;
	int result;

	if (!object)
		return -errno;
	object->rodata->generation = generation;
	result = reuse_maps(datapath, object);
	/* Many kernels refuse these programs. The caller says so once. */
	usual = v2m_libbpf_begin_quiet();
	if (!result)
		result = fragments_bpf__load(object);
	libbpf_set_print(usual);
	if (!result)
		result = attach_all(datapath, object, generation);
	fragments_bpf__destroy(object);
	return result;
}

/* 0 or -errno. The generation is not 0, and not the one before. */
static int choose_generation(uint32_t before, uint32_t *generation)
{
	do {
		if (getrandom(generation, sizeof(*generation), 0) != sizeof(*generation))
			return -EIO;
	} while (!*generation || *generation == before);
	return 0;
}

static int replace(struct v2m_datapath *datapath, uint32_t before)
{
	struct removal removal = { .datapath = datapath };
	struct stat netns;
	int result = stat("/proc/self/ns/net", &netns) ? -errno : 0;

	if (!result)
		result = choose_generation(before, &removal.kept);
	if (!result)
		result = load_and_attach(datapath, removal.kept);
	if (!result)
		result = write_scope(datapath, (uint32_t)netns.st_ino, removal.kept);
	if (result) {
		v2m_reassembly_close(datapath);
		removal.kept = before;
	}
	datapath->reassembly = result ? 0 : removal.kept;
	v2m_directory_walk(datapath->pins.dir, remove_other, &removal);
	return result;
}

void v2m_reassembly_open(struct v2m_datapath *datapath)
{
	struct v2m_reassembly_scope scope = { 0 };
	int result = read_scope(datapath, &scope);

	if (!result)
		result = replace(datapath, scope.generation);
	if (!result)
		return;
	if (is_pinned(datapath, scope.generation)) {
		v2m_log_warning("fragments are counted by the programs of the version before: %s",
				strerror(-result));
		return;
	}
	if (scope.generation)
		write_scope(datapath, scope.netns, 0);
	v2m_log_info(
		"the kernel does not let us see fragments put together (this needs BTF, fentry, "
		"CAP_BPF and CAP_PERFMON): %s; a fragment that arrives counts for the port of "
		"the first fragment seen",
		strerror(-result));
}

void v2m_reassembly_close(struct v2m_datapath *datapath)
{
	for (int i = 0; i < V2M_N_REASSEMBLY_LINKS; i++) {
		v2m_closep(&datapath->reassembly_links[i]);
		datapath->reassembly_links[i] = -1;
	}
}

void v2m_reassembly_keep(struct v2m_datapath *datapath)
{
	char path[PATH_MAX];

	if (!datapath->reassembly || is_pinned(datapath, datapath->reassembly))
		return;
	for (int i = 0; i < V2M_N_REASSEMBLY_LINKS; i++)
		if (pin_path(datapath, i, datapath->reassembly, path) == 0 && access(path, F_OK) &&
		    bpf_obj_pin(datapath->reassembly_links[i], path))
			v2m_log_warning("cannot pin %s: %s", path, strerror(errno));
}

static bool is_wanted(const struct v2m_reassembly_entry *entries, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (entries[i].ifindex == ifindex)
			return true;
	return false;
}

static void remove_unwanted(int map, const struct v2m_reassembly_entry *entries, size_t count)
{
	uint32_t ifindex;
	uint32_t next;
	bool more = bpf_map_get_next_key(map, NULL, &next) == 0;

	while (more) {
		ifindex = next;
		more = bpf_map_get_next_key(map, &ifindex, &next) == 0;
		if (!is_wanted(entries, count, ifindex))
			bpf_map_delete_elem(map, &ifindex);
	}
}

int v2m_datapath_set_reassembly_devices(struct v2m_datapath *datapath,
					const struct v2m_reassembly_entry *entries, size_t count,
					struct v2m_error *error)
{
	int map = datapath->maps[V2M_MAP_REASSEMBLY_DEVICES];
	int result = 0;

	for (size_t i = 0; i < count && !result; i++)
		result = bpf_map_update_elem(map, &entries[i].ifindex, &entries[i].device, BPF_ANY);
	remove_unwanted(map, entries, count);
	return result ? v2m_error_set(error, result,
				      "cannot tell the kernel programs from where fragments come: "
				      "%s",
				      strerror(-result))
		      : 0;
}

int v2m_datapath_fragment_figures(const struct v2m_datapath *datapath,
				  struct v2m_fragment_figures *figures)
{
	struct v2m_reassembly_scope scope;
	int result = read_scope(datapath, &scope);

	if (!result)
		*figures = (struct v2m_fragment_figures){
			.observed = scope.generation != 0,
			.guessed = scope.guessed,
			.lost = scope.lost,
		};
	return result;
}
