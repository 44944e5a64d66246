/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The description of all network devices, read from rtnetlink; for src/kernel alone. */
#ifndef V2METER_DEVICES_LINK_TABLE_H
#define V2METER_DEVICES_LINK_TABLE_H

#include "devices/device_choice.h"
#include "netlink/netlink.h"

/* Ascending by ifindex, the caller's to free. 0 or -errno. */
int v2m_link_table_read(struct v2m_netlink *netlink, struct v2m_link **links, size_t *count);

/* The counters of one device. 0, -ENODEV where it is gone, or another -errno; needs RTM_GETSTATS,
 * Linux 4.7. */
int v2m_link_read_counters(struct v2m_netlink *netlink, uint32_t ifindex, uint64_t *rx_bytes,
			   uint64_t *tx_bytes);

#endif
