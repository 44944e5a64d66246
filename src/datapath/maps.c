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
#include "datapath/map_list.h"
#include "datapath/previous.h"
#include "datapath/program.h"
#include "datapath/state.h"

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

/* Missing where an older version made the maps, or where somebody has removed its pin. Nothing
 * counts in it: any build with the same layout can make it. */
static int ensure_btf(struct v2m_datapath *datapath, struct v2m_error *error)
{
	int result = datapath->maps[V2M_MAP_BTF];

	if (result < 0)
		result = v2m_btf_map_make();
	if (result < 0)
		return v2m_error_set(error, result, "cannot keep the BTF of the maps: %s",
				     strerror(-result));
	datapath->maps[V2M_MAP_BTF] = result;
	return 0;
}

/* All maps of a directory, with or without the BTF, and its meta data. 0 or -errno. */
static int open_pinned(const struct v2m_pins *pins, int maps[V2M_N_MAPS], struct v2m_meta *meta)
{
	uint32_t key = 0;

	for (int i = 0; i < V2M_N_MAPS; i++) {
		maps[i] = v2m_pin_get(pins, v2m_map_names[i]);
		if (maps[i] < 0 && i != V2M_MAP_BTF)
			return maps[i];
	}
	return bpf_map_lookup_elem(maps[V2M_MAP_META], &key, meta);
}

static bool has_size_of_meta(const struct v2m_pins *pins)
{
	V2M_CLOSE int fd = v2m_pin_get(pins, v2m_map_names[V2M_MAP_META]);
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
	       info.type == BPF_MAP_TYPE_ARRAY && info.key_size == 4 &&
	       info.value_size == sizeof(struct v2m_meta);
}

/* NULL where the pinned maps can be taken over, else why they cannot. */
static const char *why_not_take_over(struct v2m_datapath *datapath, const struct v2m_meta *wanted)
{
	struct v2m_meta meta;

	if (!has_size_of_meta(&datapath->pins))
		return "have no meta data that this version knows";
	if (open_pinned(&datapath->pins, datapath->maps, &meta))
		return "are not complete";
	if (meta.abi_hash != wanted->abi_hash)
		return "have another layout";
	if (memcmp(meta.boot_id, wanted->boot_id, sizeof(meta.boot_id)))
		return "are from another boot";
	datapath->meta = meta;
	return NULL;
}

/* Programs stand on devices, and their maps are pinned but not described. */
static bool lacks_meta(const struct v2m_pins *pins)
{
	V2M_CLOSE int counters = v2m_pin_get(pins, v2m_map_names[V2M_MAP_PORT_COUNTERS]);
	uint32_t some_device;

	return counters >= 0 && v2m_pins_devices(pins, &some_device, 1) > 0;
}

/* Maps that were pinned by a process that ended before it had pinned all: nothing counts in them.
 */
static void drop_unfinished(const struct v2m_pins *pins)
{
	char path[PATH_MAX];

	for (int i = 0; i < V2M_N_MAPS; i++)
		if (v2m_pin_path(pins, v2m_map_names[i], path) == 0)
			unlink(path);
}

/* Pins the maps, all but those whose bits are set in present. */
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
	result = ensure_btf(datapath, error);
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

/* Somebody has removed pin_dir, and our lock with it: the new directory has to be locked, or a
 * second daemon would take it for its own. */
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

/* Which of the maps' pins are there, as bits. */
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
	return 0;
}

/* Takes over the maps that are in datapath->maps. Their BTF may have no pin yet: it gets one here,
 * before somebody looks for pins that were removed. */
static int take_over(struct v2m_datapath *datapath, struct v2m_error *error)
{
	int result = ensure_btf(datapath, error);

	return result ? result : pin_maps(datapath, present_pins(&datapath->pins), error);
}

int v2m_maps_open(struct v2m_datapath *datapath, struct v2m_error *error)
{
	struct v2m_meta meta = {};
	V2M_CLOSE int pinned = v2m_pin_get(&datapath->pins, v2m_map_names[V2M_MAP_META]);
	const char *why;
	int result = make_meta(&meta);

	if (result)
		return v2m_error_set(error, result, "cannot read the boot id: %s",
				     strerror(-result));
	result = v2m_previous_open(datapath, error);
	if (result)
		return result;
	if (pinned >= 0 || lacks_meta(&datapath->pins)) {
		why = why_not_take_over(datapath, &meta);
		if (!why)
			return take_over(datapath, error);
		close_maps(datapath->maps);
		result = v2m_previous_set_aside(datapath, V2M_PINS_DIRECTORY, why, error);
		if (result)
			return result;
	}
	drop_unfinished(&datapath->pins);
	return make_maps(datapath, &meta, error);
}
