/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs attached by tcx links. */
#ifndef V2METER_DATAPATH_ATTACH_TCX_H
#define V2METER_DATAPATH_ATTACH_TCX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pins/pins.h"

/* Attaches the program and pins the link, or replaces the program of the pinned link. *missing is
 * set if the pinned link was not attached any more. 0 or -errno. */
int v2m_tcx_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		int program, bool *missing);
bool v2m_tcx_pinned(const struct v2m_pins *pins, uint32_t ifindex);
bool v2m_tcx_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id);
/* True if a program of somebody else runs before ours. */
bool v2m_tcx_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id);
/* Returns the id of an open tcx link, with its device and direction; *ifindex is 0 if the device is
 * gone. Returns 0 if fd is another kind of link, or no link. */
uint32_t v2m_tcx_link(int fd, uint32_t *ifindex, enum v2m_direction *direction);

/* The programs on a hook, in the kernel's order. */
#define V2M_TCX_USERS 64
struct v2m_tcx_user {
	uint32_t program_id;
	uint32_t link_id; /* 0: attached without a link */
};
/* Returns how many there are; 0 if the kernel has no tcx or there are more than V2M_TCX_USERS. */
size_t v2m_tcx_users(uint32_t ifindex, enum v2m_direction direction,
		     struct v2m_tcx_user users[V2M_TCX_USERS]);
int v2m_tcx_take_off(const struct v2m_pins *pins, uint32_t ifindex);

#endif
