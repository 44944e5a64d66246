/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ports of keys that the kernel may give to outgoing connections. */
#ifndef V2METER_CTL_DOCTOR_EPHEMERAL_H
#define V2METER_CTL_DOCTOR_EPHEMERAL_H

#include <jansson.h>
#include <stdbool.h>

#define V2M_EPHEMERAL_RANGE_FILE    "/proc/sys/net/ipv4/ip_local_port_range"
#define V2M_EPHEMERAL_RESERVED_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define V2M_EPHEMERAL_LIST_LEN      512

struct v2m_ephemeral {
	char ports[V2M_EPHEMERAL_LIST_LEN]; /* "": there are none */
	/* The value for net.ipv4.ip_local_reserved_ports that keeps them, and those that it keeps
	 * already. "": too long. */
	char reserve[4 * V2M_EPHEMERAL_LIST_LEN];
};

/* range and reserved: the texts of the two files. keys: KEY objects. 0; -EINVAL if range is not
 * understood; or -ENOMEM. */
int v2m_ephemeral_find(const char *range, const char *reserved, const json_t *keys,
		       struct v2m_ephemeral *found);

#endif
