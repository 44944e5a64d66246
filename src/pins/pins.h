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

/* A directory of pins. */
struct v2m_pins {
	char dir[PATH_MAX];
	uint32_t handle; /* of our filters under clsact; follows from pin_dir, so that two daemons
			    have two */
};

/* Locks pin_dir. With make, mounts the bpffs and makes the directory first if they are missing. The
 * descriptor that holds the lock, or -errno: -EBUSY if another process holds it, whose number is in
 * the error; -EINVAL if pin_dir is not on a bpffs. */
int v2m_bpffs_lock(const char *pin_dir, bool make, struct v2m_error *error);

/* Names a directory under pin_dir; makes nothing. 0 or -ENAMETOOLONG. */
int v2m_pins_init(struct v2m_pins *pins, const char *pin_dir, const char *directory);

/* Writes the path of a pin. 0 or -ENAMETOOLONG. */
int v2m_pin_path(const struct v2m_pins *pins, const char *name, char path[PATH_MAX]);
/* The same for the pin of a device: <kind>_<ifindex>_<ingress|egress>. */
int v2m_pin_path_of(const struct v2m_pins *pins, const char *kind, uint32_t ifindex,
		    enum v2m_direction direction, char path[PATH_MAX]);

/* Opens a pin. A descriptor or -errno; -ENOENT if there is no such pin. */
int v2m_pin_get(const struct v2m_pins *pins, const char *name);

/* Calls visit with the name of each entry that has no dot in front, until it returns other than 0.
 * That result, 0 after the last entry, or -errno. */
int v2m_directory_walk(const char *dir, int (*visit)(const char *name, void *context),
		       void *context);

/* Lists the ifindexes of devices that have pins in the directory, each once, at most max. Their
 * number or -errno. */
int v2m_pins_devices(const struct v2m_pins *pins, uint32_t *ifindexes, size_t max);

/* Reads the ifindex from the name of a device's pin. 0 if the name is not one of these. */
uint32_t v2m_pin_ifindex(const char *name);

#endif
