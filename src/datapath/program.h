/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loading the programs, and the messages of libbpf. */
#ifndef V2METER_DATAPATH_PROGRAM_H
#define V2METER_DATAPATH_PROGRAM_H

#include "base/error.h"
#include "datapath/map_list.h"
#include "pins/map_shape.h"
#include "pins/pins.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Sends libbpf's messages to the log. */
void v2m_libbpf_log_init(void);
/* Loads the programs with the datapath's maps. A map whose descriptor is -1 is made, except
 * V2M_MAP_BTF. The caller closes the descriptors of the programs. 0 or -errno. */
int v2m_programs_load(struct v2m_datapath *datapath, const struct v2m_device_config *config,
		      int programs[V2M_N_DIRECTIONS], struct v2m_error *error);
/* The shapes that the datapath's maps must have. 0 or -errno. */
int v2m_programs_map_shapes(const struct v2m_datapath *datapath,
			    struct v2m_map_shape shapes[V2M_N_MAPS]);
/* Makes a map that holds the BTF of the object, for the next version to read. The kernel keeps that
 * BTF with the maps too, but shows it only to CAP_SYS_ADMIN (BPF_BTF_GET_FD_BY_ID), and the service
 * does not have this capability. A descriptor, or -errno. */
int v2m_btf_map_make(void);
/* The id of an open program, or 0. */
uint32_t v2m_program_id(int fd);

#endif
