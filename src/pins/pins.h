/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Directories of pinned BPF objects under pin_dir: the mount, the lock, the names in them. */
#ifndef V2METER_PINS_PINS_H
#define V2METER_PINS_PINS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum v2m_direction {
	V2M_INGRESS,
	V2M_EGRESS,
	V2M_N_DIRECTIONS,
};

/* A directory of pins, and what is derived from pin_dir to tell our filters from others'. */
struct v2m_pins {
	char dir[PATH_MAX];
	uint32_t handle; /* of our filters under clsact */
};

/* Mounts bpffs where it is missing, makes the directory and takes its lock. The descriptor, or
 * -errno; -EBUSY names the process that has it. */
int v2m_bpffs_lock(const char *pin_dir, bool make, struct v2m_error *error);
/* pin_dir's directory of an ABI version. 0 or -ENAMETOOLONG. */
int v2m_pins_init(struct v2m_pins *pins, const char *pin_dir, const char *directory);
/* 0 or -ENAMETOOLONG. */
int v2m_pin_path(const struct v2m_pins *pins, const char *name, char path[PATH_MAX]);
/* "link", "prog": <kind>_<ifindex>_<ingress|egress>. */
int v2m_pin_path_of(const struct v2m_pins *pins, const char *kind, uint32_t ifindex,
		    enum v2m_direction direction, char path[PATH_MAX]);
/* An open pin, or -errno; -ENOENT. */
int v2m_pin_get(const struct v2m_pins *pins, const char *name);
/* Calls visit with the name of each entry, until it returns other than 0. */
int v2m_directory_walk(const char *dir, int (*visit)(const char *name, void *context),
		       void *context);
/* Devices that have pins here, each once; at most max. The number, or -errno. */
int v2m_pins_devices(const struct v2m_pins *pins, uint32_t *ifindexes, size_t max);
/* Parses <link|prog|qdisc>_<ifindex>[_...]; 0 where the name is another one. */
uint32_t v2m_pin_ifindex(const char *name);

#endif
