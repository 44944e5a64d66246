/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_DEVICE_H
#define V2METER_BASE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

/* A device to count on. */
struct v2m_device {
	uint32_t ifindex;
	char name[V2M_DEVICE_NAME_LEN];
	uint8_t link_header; /* bytes of its layer-2 header: 14 or 0 */
	bool loopback;
	bool forwards;  /* the host forwards packets of others, which may leave here */
	bool host_only; /* true if it is no uplink: only this host's own packets count */
};

#endif
