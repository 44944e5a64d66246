/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Computes how much the queue of a device drops. tc runs our programs before the queue, so they
 * count packets as sent that the queue drops later. The drops, in bytes and packets, are the
 * packets that our programs saw less those that left the queue. The queue's own counter of drops
 * has no bytes and counts a super-packet as one.
 */
#ifndef V2METER_DEVICES_QUEUE_ACCOUNT_H
#define V2METER_DEVICES_QUEUE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink/tc_netlink.h"
#include "v2meter/bpf_abi.h"

/* Starts as zeros. Figures count from the first v2m_queue_account_add(). */
struct v2m_queue_account {
	bool known; /* the members below mean something */
	bool lossy; /* over the last minute, more than 1 % of what was sent was dropped */
	struct v2m_tc_queue queue; /* as it was read last */
	struct v2m_tally sent;     /* left the queue */
	struct v2m_tally dropped;
	uint64_t requeues;
	struct v2m_tally seen; /* by the programs, at the same time as queue */
	int64_t owed_packets;  /* at most 0: counted as dropped too early, since packets pass while
				* the figures are read */
	int64_t owed_bytes;
	double recent_sent; /* bytes; each second takes its share of a minute away */
	double recent_dropped;
	uint64_t at_ns;
};

/* Takes in a reading of the queue and, of the same moment, what the programs saw leave. mono_ns is
 * CLOCK_MONOTONIC. Another queue, or counters that went back, begin anew: what passed in between is
 * in no figure. */
void v2m_queue_account_add(struct v2m_queue_account *account, const struct v2m_tc_queue *queue,
			   const struct v2m_tally *seen, uint64_t mono_ns);

#endif
