/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_ADDRESSES_H
#define V2METER_DATAPATH_ADDRESSES_H

#include <stddef.h>

#include "base/error.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Addresses in any order, IPv4 in the IPv4-mapped form. */
struct v2m_addresses {
	const struct v2m_local_address *items;
	size_t count;
};

/* The host's own addresses, and those of the namespace where the ports are served. An address that
 * is in both is the host's. 0 or -errno. */
int v2m_datapath_set_addresses(struct v2m_datapath *datapath, struct v2m_addresses own,
			       struct v2m_addresses netns, struct v2m_error *error);

/* Fills in as many of the sorted addresses as fit. */
void v2m_own_addresses_make(const struct v2m_local_address *sorted, size_t count,
			    struct v2m_own_addresses *own);

#endif
