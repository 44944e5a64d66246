/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_ADDRESSES_H
#define V2METER_DATAPATH_ADDRESSES_H

#include <stddef.h>

#include "base/error.h"
#include "v2meter/bpf_abi.h"

struct v2m_datapath;

/* Sets the host's own addresses, for devices with host_only. IPv4 addresses are in the IPv4-mapped
 * form. 0 or -errno. */
int v2m_datapath_set_addresses(struct v2m_datapath *datapath,
			       const struct v2m_local_address *addresses, size_t count,
			       struct v2m_error *error);

/* Fills in as many of the sorted addresses as fit. */
void v2m_own_addresses_make(const struct v2m_local_address *sorted, size_t count,
			    struct v2m_own_addresses *own);

#endif
