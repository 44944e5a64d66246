/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What stands on a device's clsact qdisc, asked of the kernel by rtnetlink. */
#ifndef V2METER_NETLINK_TC_NETLINK_H
#define V2METER_NETLINK_TC_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum v2m_tc_hook {
	V2M_TC_NONE,
	V2M_TC_CLSACT,
	V2M_TC_INGRESS, /* the older qdisc in the same place, which has no egress */
};

/* One filter, or the head of a priority (handle 0). */
struct v2m_tc_filter {
	uint32_t handle;
	uint16_t priority;
	uint16_t protocol; /* network byte order, as tcm_info has it */
	bool bpf;          /* kind "bpf" */
	uint32_t program_id;
	char name[32]; /* that whoever made a bpf filter gave it; cut */
};

/* The qdisc in clsact's place: 0 or -errno. */
int v2m_tc_hook(uint32_t ifindex, enum v2m_tc_hook *hook);
/* The filters of chain 0 on TC_H_MIN_INGRESS or TC_H_MIN_EGRESS, in the kernel's order. 0 or
 * -errno; the array is the caller's to free. A device without the hook has none. */
int v2m_tc_filters(uint32_t ifindex, uint32_t minor, struct v2m_tc_filter **filters, size_t *count);

#endif
