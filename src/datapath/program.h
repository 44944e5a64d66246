/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs' life, and libbpf's messages. */
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
/* Loads the programs with the datapath's maps, or, where maps are -1, makes those, but for the BTF.
 * Descriptors of programs are the caller's to close. 0 or -errno. */
int v2m_programs_load(struct v2m_datapath *datapath, const struct v2m_device_config *config,
		      int programs[V2M_N_DIRECTIONS], struct v2m_error *error);
/* The shapes that the datapath's maps have to have. 0 or -errno. */
int v2m_programs_map_shapes(const struct v2m_datapath *datapath,
			    struct v2m_map_shape shapes[V2M_N_MAPS]);
/* A new map with the BTF of what the object defines, for the version after this one: what the
 * kernel keeps of it with the maps is shown to CAP_SYS_ADMIN alone (BPF_BTF_GET_FD_BY_ID), which
 * the service has not. A descriptor, or -errno. */
int v2m_btf_map_make(void);
/* The id of an open program, or 0. */
uint32_t v2m_program_id(int fd);

#endif
