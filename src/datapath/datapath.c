// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/datapath.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datapath/counters.h"
#include "datapath/device_slots.h"
#include "datapath/map_list.h"
#include "datapath/maps.h"
#include "datapath/owners.h"
#include "datapath/port_slots.h"
#include "datapath/program.h"
#include "datapath/reassembly.h"
#include "datapath/sizes.h"
#include "datapath/state.h"
#include "base/array.h"
#include "base/cleanup.h"

static struct v2m_datapath *allocate(void)
{
	struct v2m_datapath *datapath = calloc(1, sizeof(*datapath));

	if (!datapath)
		return NULL;
	datapath->lock_fd = -1;
	datapath->label_program = -1;
	for (int i = 0; i < V2M_N_MAPS; i++)
		datapath->maps[i] = -1;
	for (int i = 0; i < V2M_N_REASSEMBLY_LINKS; i++)
		datapath->reassembly_links[i] = -1;
	return datapath;
}

static int open_all(struct v2m_datapath *datapath, const struct v2m_datapath_options *options,
		    struct v2m_error *error)
{
	int result;

	datapath->lock_fd = v2m_bpffs_lock(options->pin_dir, true, error);
	if (datapath->lock_fd < 0)
		return datapath->lock_fd;
	if (snprintf(datapath->pin_dir, sizeof(datapath->pin_dir), "%s", options->pin_dir) >=
		    (int)sizeof(datapath->pin_dir) ||
	    v2m_pins_init(&datapath->pins, options->pin_dir, V2M_PINS_DIRECTORY))
		return v2m_error_set(error, -ENAMETOOLONG, "pin_dir %s is too long",
				     options->pin_dir);
	if (mkdir(datapath->pins.dir, 0700) && errno != EEXIST)
		return v2m_error_set(error, -errno, "cannot make %s: %s", datapath->pins.dir,
				     strerror(errno));
	result = v2m_maps_open(datapath, error);
	if (result == 0)
		result = v2m_device_slots_open(datapath, error);
	if (result == 0)
		result = v2m_port_slots_open(datapath, error);
	if (result == 0)
		result = v2m_owners_open(datapath, error);
	if (result == 0)
		v2m_reassembly_open(datapath);
	/* The kernel answers EINVAL to what it does not support. For our callers EINVAL means a
	 * wrong argument. */
	return result == -EINVAL ? -EOPNOTSUPP : result;
}

int v2m_datapath_open(const struct v2m_datapath_options *options, struct v2m_datapath **datapath,
		      struct v2m_error *error)
{
	struct v2m_datapath *made = allocate();
	int result;

	if (!made)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	v2m_libbpf_log_init();
	made->force_clsact = options->force_clsact;
	made->flows_max = options->flows_max ? options->flows_max : V2M_MAX_FLOWS;
	made->owners_wanted =
		options->users_max ? v2m_owner_size_for(options->users_max) : V2M_MAX_OWNERS;
	made->owners_max = made->owners_wanted;
	made->cpus = libbpf_num_possible_cpus();
	made->cpu_ids = v2m_cpu_ids();
	result = made->cpus < 0 ? made->cpus : made->cpu_ids;
	if (result > 0)
		result = open_all(made, options, error);
	else
		v2m_error_set(error, result, "cannot tell the number of CPUs: %s",
			      strerror(-result));
	if (result) {
		v2m_datapath_close(made);
		return result;
	}
	*datapath = made;
	return 0;
}

void v2m_datapath_close(struct v2m_datapath *datapath)
{
	if (!datapath)
		return;
	for (int i = 0; i < V2M_N_MAPS; i++)
		v2m_closep(&datapath->maps[i]);
	v2m_reassembly_close(datapath);
	v2m_array_clear(&datapath->aliases);
	v2m_closep(&datapath->lock_fd);
	v2m_closep(&datapath->label_program);
	free(datapath->owners);
	free(datapath);
}

uint64_t v2m_datapath_created_ns(const struct v2m_datapath *datapath)
{
	return datapath->meta.created_ns;
}
