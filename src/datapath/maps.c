// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "datapath/sizes.h"
#include "datapath/ledger_mark.h"
#include "datapath/map_list.h"
#include "datapath/previous.h"
#include "datapath/program.h"
#include "datapath/state.h"
#include "datapath/strays.h"

#define WHY_LEN 96

static int make_meta(struct v2m_meta *meta)
{
	struct v2m_meta made = { .abi_hash = v2m_abi_hash() };
	sd_id128_t boot_id;
	int result = sd_id128_get_boot(&boot_id);

	if (result)
		return result;
	memcpy(made.boot_id, boot_id.bytes, sizeof(made.boot_id));
	made.created_ns = (uint64_t)v2m_clock_real_us() * 1000;
	if (getrandom(made.identity, sizeof(made.identity), 0) != sizeof(made.identity))
		return -EIO;
	*meta = made;
	return 0;
}

static void close_maps(int maps[V2M_N_MAPS])
{
	for (int i = 0; i < V2M_N_MAPS; i++) {
		v2m_closep(&maps[i]);
		maps[i] = -1;
	}
}

/* The maps that are not in the object are missing if an older version made the maps, or if somebody
 * removed their pins. They hold no counters, so any build with the same layout can make them. */
static int ensure_own_maps(struct v2m_datapath *datapath, struct v2m_error *error)
{
	int result = datapath->maps[V2M_MAP_BTF];

	if (result < 0)
		result = v2m_btf_map_make();
	if (result < 0)
		return v2m_error_set(error, result, "cannot keep the BTF of the maps: %s",
				     strerror(-result));
	datapath->maps[V2M_MAP_BTF] = result;
	result = datapath->maps[V2M_MAP_LEDGER];
	if (result < 0)
		result = v2m_ledger_mark_make();
	if (result < 0)
		return v2m_error_set(error, result, "cannot note the ledger of the counters: %s",
				     strerror(-result));
	datapath->maps[V2M_MAP_LEDGER] = result;
	return 0;
}

/* Opens all maps of a directory. Those that are not in the object may be missing. 0 or -errno. */
static int open_pinned(const struct v2m_pins *pins, int maps[V2M_N_MAPS])
{
	for (int i = 0; i < V2M_N_MAPS; i++) {
		maps[i] = v2m_pin_get(pins, v2m_map_names[i]);
		if (maps[i] < 0 && v2m_map_is_in_object((enum v2m_map)i))
			return maps[i];
	}
	return 0;
}

/* Compares the open maps with their shapes. Returns NULL if all have them, otherwise the reason,
 * which is in why. The size of flows may differ: v2m_flow_size_set() changes it. The sizes of
 * owners were learned from the maps, and v2m_owner_size_set() changes them. */
static const char *compare_shapes(const struct v2m_datapath *datapath,
				  const struct v2m_map_shape shapes[V2M_N_MAPS], char why[WHY_LEN])
{
	for (int i = 0; i < V2M_N_MAPS; i++) {
		const char *what = datapath->maps[i] < 0
					   ? NULL
					   : v2m_map_shape_differs(&shapes[i], datapath->maps[i]);

		if (!what || (i == V2M_MAP_FLOWS && strcmp(what, "entries") == 0))
			continue;
		snprintf(why, WHY_LEN, "differ from this version's: %s of %s", what,
			 v2m_map_names[i]);
		return why;
	}
	return NULL;
}

/* Returns NULL if the pinned maps can be taken over, otherwise the reason, which may be in why. The
 * size of the meta map is checked before it is read. */
static const char *why_not_take_over(struct v2m_datapath *datapath, const struct v2m_meta *wanted,
				     char why[WHY_LEN])
{
	struct v2m_map_shape shapes[V2M_N_MAPS];
	struct v2m_meta meta;
	uint32_t key = 0;

	if (open_pinned(&datapath->pins, datapath->maps))
		return "are not complete";
	v2m_owner_size_learn(datapath);
	if (v2m_programs_map_shapes(datapath, shapes))
		return "cannot be compared with this version's";
	if (v2m_map_shape_differs(&shapes[V2M_MAP_META], datapath->maps[V2M_MAP_META]) ||
	    bpf_map_lookup_elem(datapath->maps[V2M_MAP_META], &key, &meta))
		return "have no meta data that this version knows";
	if (meta.abi_hash != wanted->abi_hash)
		return "have another layout";
	if (memcmp(meta.boot_id, wanted->boot_id, sizeof(meta.boot_id)) != 0)
		return "are from another boot";
	datapath->meta = meta;
	return compare_shapes(datapath, shapes, why);
}

/* True if programs are attached and their maps are pinned, but the meta map is missing. */
static bool lacks_meta(const struct v2m_pins *pins)
{
	V2M_CLOSE int counters = v2m_pin_get(pins, v2m_map_names[V2M_MAP_PORT_COUNTERS]);
	uint32_t some_device;

	return counters >= 0 && v2m_pins_devices(pins, &some_device, 1) > 0;
}

/* Unpins the maps of a process that ended before it had pinned all. No program counts in them. */
static void drop_unfinished(const struct v2m_pins *pins)
{
	char path[PATH_MAX];

	for (int i = 0; i < V2M_N_MAPS; i++)
		if (v2m_pin_path(pins, v2m_map_names[i], path) == 0)
			unlink(path);
}

/* Pins the maps whose bits are not set in present. */
static int pin_maps(const struct v2m_datapath *datapath, unsigned present, struct v2m_error *error)
{
	char path[PATH_MAX];

	for (int i = 0; i < V2M_N_MAPS; i++) {
		int result;

		if (present & 1u << i)
			continue;
		result = v2m_pin_path(&datapath->pins, v2m_map_names[i], path);
		if (result == 0)
			result = bpf_obj_pin(datapath->maps[i], path);
		if (result)
			return v2m_error_set(error, result, "cannot pin the maps under %s: %s",
					     datapath->pins.dir, strerror(-result));
	}
	return 0;
}

static int make_maps(struct v2m_datapath *datapath, const struct v2m_meta *meta,
		     struct v2m_error *error)
{
	struct v2m_device_config config = {};
	int programs[V2M_N_DIRECTIONS];
	uint32_t key = 0;
	int result = v2m_programs_load(datapath, &config, programs, error);

	if (result)
		return result;
	close(programs[V2M_INGRESS]);
	close(programs[V2M_EGRESS]);
	result = ensure_own_maps(datapath, error);
	if (result)
		return result;
	result = bpf_map_update_elem(datapath->maps[V2M_MAP_META], &key, meta, BPF_ANY);
	if (result)
		v2m_error_set(error, result, "cannot write the maps' meta data: %s",
			      strerror(-result));
	else
		result = pin_maps(datapath, 0, error);
	if (result) {
		drop_unfinished(&datapath->pins);
		return result;
	}
	datapath->meta = *meta;
	return 0;
}

/* Somebody has removed pin_dir, and our lock with it. Without a lock on the new directory a second
 * daemon could use it. */
static int keep_directory(struct v2m_datapath *datapath, struct v2m_error *error)
{
	struct stat locked;
	struct stat named;
	int fd;

	if (fstat(datapath->lock_fd, &locked))
		return v2m_error_set(error, -errno, "%s: %s", datapath->pin_dir, strerror(errno));
	if (stat(datapath->pin_dir, &named) || named.st_dev != locked.st_dev ||
	    named.st_ino != locked.st_ino) {
		fd = v2m_bpffs_lock(datapath->pin_dir, true, error);
		if (fd < 0)
			return fd;
		close(datapath->lock_fd);
		datapath->lock_fd = fd;
	}
	if (mkdir(datapath->pins.dir, 0700) && errno != EEXIST)
		return v2m_error_set(error, -errno, "cannot make %s: %s", datapath->pins.dir,
				     strerror(errno));
	return 0;
}

/* Returns one bit for each map whose pin exists. */
static unsigned present_pins(const struct v2m_pins *pins)
{
	unsigned present = 0;
	char path[PATH_MAX];

	for (int i = 0; i < V2M_N_MAPS; i++)
		if (v2m_pin_path(pins, v2m_map_names[i], path) == 0 && access(path, F_OK) == 0)
			present |= 1u << i;
	return present;
}

int v2m_maps_keep_pinned(struct v2m_datapath *datapath, struct v2m_error *error)
{
	unsigned present = present_pins(&datapath->pins);
	int result;

	if (present == (1u << V2M_N_MAPS) - 1)
		return 0;
	result = keep_directory(datapath, error);
	if (result == 0)
		result = pin_maps(datapath, present, error);
	if (result)
		return result;
	v2m_log_warning("pins in %s had been removed and are back", datapath->pins.dir);
	return v2m_strays_take_back(datapath, error);
}

/* Takes over the maps in datapath->maps. Those that are not in the object may have no pins yet.
 * They get them here, so that they are not reported as removed later. */
static int take_over(struct v2m_datapath *datapath, struct v2m_error *error)
{
	int result = ensure_own_maps(datapath, error);

	if (result == 0)
		result = pin_maps(datapath, present_pins(&datapath->pins), error);
	if (result == 0)
		result = v2m_strays_take_back(datapath, error);
	if (result == 0)
		v2m_flow_size_set(datapath);
	if (result == 0)
		v2m_owner_size_set(datapath);
	return result;
}

int v2m_maps_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	struct v2m_meta meta = {};
	V2M_CLOSE int pinned = -1;
	char buffer[WHY_LEN];
	const char *why;
	int result = make_meta(&meta);

	if (result)
		return v2m_error_set(error, result, "cannot read the boot id: %s",
				     strerror(-result));
	result = v2m_previous_open(datapath, error);
	if (result == 0)
		result = v2m_strays_restore(datapath, error);
	if (result)
		return result;
	result = v2m_flow_size_restore(&datapath->pins);
	if (result == 0)
		result = v2m_owner_size_restore(&datapath->pins);
	if (result)
		return v2m_error_set(error, result, "cannot restore the maps of flows in %s: %s",
				     datapath->pins.dir, strerror(-result));
	pinned = v2m_pin_get(&datapath->pins, v2m_map_names[V2M_MAP_META]);
	if (pinned >= 0 || lacks_meta(&datapath->pins)) {
		why = why_not_take_over(datapath, &meta, buffer);
		if (!why)
			return take_over(datapath, error);
		close_maps(datapath->maps);
		datapath->owners_max = datapath->owners_wanted;
		result = v2m_previous_set_aside(datapath, V2M_PINS_DIRECTORY, why, error);
		if (result)
			return result;
	}
	drop_unfinished(&datapath->pins);
	return make_maps(datapath, &meta, error);
}
