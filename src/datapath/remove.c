// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/remove.h"

/* Removes everything of ours from the kernel, of this and of other versions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/program.h"
#include "datapath/strays.h"
#include "datapath/take_off.h"
#include "base/cleanup.h"

struct names {
	char items[512][NAME_MAX + 1];
	size_t count;
	const char *pin_dir;
};

/* Directories under pin_dir that are ours, also if somebody renamed them. */
static bool is_our_directory(const char *pin_dir, const char *name)
{
	struct v2m_pins pins;
	unsigned number;
	char rest;

	return sscanf(name, "v%u%c", &number, &rest) == 1 ||
	       sscanf(name, "previous_%u%c", &number, &rest) == 1 ||
	       (v2m_pins_init(&pins, pin_dir, name) == 0 && v2m_strays_has_maps(&pins));
}

static int collect(const char *name, void *context)
{
	struct names *names = context;

	if (is_our_directory(names->pin_dir, name) && names->count < V2M_ARRAY_LEN(names->items))
		snprintf(names->items[names->count++], sizeof(names->items[0]), "%s", name);
	return 0;
}

static int remove_directory(const struct v2m_pins *pins)
{
	uint32_t devices[V2M_MAX_DEVICES];
	int count;

	do {
		count = v2m_pins_devices(pins, devices, V2M_MAX_DEVICES);
		for (int i = 0; i < count; i++) {
			int result = v2m_take_off(pins, devices[i]);

			if (result)
				return result;
		}
	} while (count == V2M_MAX_DEVICES);
	return count < 0 ? count : v2m_pins_remove(pins);
}

int v2m_datapath_remove(const char *pin_dir, struct v2m_error *error)
{
	static struct names directories;
	V2M_CLOSE int lock = -1;
	int result;

	v2m_libbpf_log_init();
	if (access(pin_dir, F_OK) && errno == ENOENT)
		return 0;
	lock = v2m_bpffs_lock(pin_dir, false, error);
	if (lock < 0)
		return lock;
	directories = (struct names){ .pin_dir = pin_dir };
	result = v2m_directory_walk(pin_dir, collect, &directories);
	for (size_t i = 0; i < directories.count && result == 0; i++) {
		struct v2m_pins pins;

		result = v2m_pins_init(&pins, pin_dir, directories.items[i]);
		if (result == 0)
			result = remove_directory(&pins);
	}
	/* A directory stays if somebody else has pinned something in it. */
	if (result == 0 && rmdir(pin_dir) && errno != ENOTEMPTY)
		result = -errno;
	if (result)
		return v2m_error_set(error, result, "cannot remove all under %s: %s", pin_dir,
				     strerror(-result));
	return 0;
}
