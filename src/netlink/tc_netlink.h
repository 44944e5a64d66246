/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The qdiscs of links and the filters on them, as rtnetlink lists them. */
#ifndef V2METER_NETLINK_TC_NETLINK_H
#define V2METER_NETLINK_TC_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum v2m_tc_hook {
	V2M_TC_NONE,
	V2M_TC_CLSACT,
	V2M_TC_INGRESS, /* the older qdisc, which takes clsact's place and has no egress */
};

/* A filter, or the head of a priority, which has handle 0. */
struct v2m_tc_filter {
	uint32_t handle;
	uint16_t priority;
	uint16_t protocol; /* network byte order, as in tcm_info */
	bool bpf;          /* the kind is "bpf" */
	uint32_t program_id;
	char name[32]; /* of a bpf filter, given by its maker, cut to fit */
};

/* Finds the qdisc in clsact's place. 0 or -errno. */
int v2m_tc_hook(uint32_t ifindex, enum v2m_tc_hook *hook);

/* Lists the filters of chain 0, in the kernel's order. minor is TC_H_MIN_INGRESS or
 * TC_H_MIN_EGRESS. A link without such a qdisc has no filters. 0 or -errno; the caller frees the
 * array. */
int v2m_tc_filters(uint32_t ifindex, uint32_t minor, struct v2m_tc_filter **filters, size_t *count);

/* The counts of a link's queue since it was made. The queue is the root qdisc with all qdiscs below
 * it. */
struct v2m_tc_queue {
	uint32_t ifindex;
	uint32_t handle;
	char kind[16];  /* "fq_codel", "tbf", ...; "noqueue" counts nothing */
	uint64_t bytes; /* sent: left the queue towards the driver, headers of each segment included
			 */
	uint64_t packets; /* sent: the segments of a super-packet one by one */
	uint32_t backlog_bytes;
	uint32_t backlog_packets; /* a super-packet is one, here and below */
	uint32_t drops;    /* wraps; those of filters on clsact, of both directions, included */
	uint32_t requeues; /* wraps; the driver had no room and was asked again */
};

/* Lists the queues of all links that have one. 0 or -errno; the caller frees the array. */
int v2m_tc_queues(struct v2m_tc_queue **queues, size_t *count);

#endif
