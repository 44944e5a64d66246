/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The description of all links, read from rtnetlink. */
#ifndef V2METER_DEVICES_LINK_TABLE_H
#define V2METER_DEVICES_LINK_TABLE_H

#include "devices/device_choice.h"
#include "netlink/netlink.h"

/* Reads all links of this network namespace, ascending by ifindex. 0 or -errno; the caller frees
 * the array. */
int v2m_link_table_read(struct v2m_netlink *netlink, struct v2m_link **links, size_t *count);

/* Reads the counters of one link by RTM_GETSTATS (Linux 4.7). 0, -ENODEV if the link is gone, or
 * another -errno. */
int v2m_link_read_counters(struct v2m_netlink *netlink, uint32_t ifindex, uint64_t *rx_bytes,
			   uint64_t *tx_bytes);

#endif
