/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes of what is counted: the ports, the devices, and the byte source itself. No byte is lost
 * or doubled by a change.
 */
#ifndef V2METER_COLLECTOR_COUNTING_H
#define V2METER_COLLECTOR_COUNTING_H

#include "base/error.h"
#include "collector/parts.h"

struct v2m_keyset;

/* Labels the connections of users on shared ports, by the access logs, or by the proxies' lists of
 * online users if there is no log. Before a sample. */
void v2m_counting_follow_users(struct v2m_parts *parts);
/* Follows the access logs that the key sources have named last. */
void v2m_counting_follow_logs(struct v2m_parts *parts);

/* Has the byte source count the ports of a key set, which need not be active yet. Returns how many
 * could not be placed, or -errno; some or all of the new ports may be counted then. */
int v2m_counting_set_ports(struct v2m_parts *parts, const struct v2m_keyset *keyset,
			   struct v2m_error *error);
/* Chooses the devices again and attaches to them. */
void v2m_counting_update_devices(struct v2m_parts *parts);
/* The same after the active key set has changed. Falls back if every device refuses the programs,
 * carries over what an earlier version counted, and takes a sample. */
void v2m_counting_renew(struct v2m_parts *parts);
/* Follows the namespace whose sockets are read. */
void v2m_counting_follow_netns(struct v2m_parts *parts);
/* Follows changes of NAT rules, which publish ports. */
void v2m_counting_follow_rules(struct v2m_parts *parts);
/* Goes back to the kernel programs if they can be used again. */
void v2m_counting_retry_programs(struct v2m_parts *parts);

/* To be called before the first sample of the programs is accounted. If the ledger does not know
 * what their counters hold, sets that aside. From then on, notes beside the counters what the
 * ledger has stored. 0 or -errno. */
int v2m_counting_check_ledger(struct v2m_parts *parts, struct v2m_error *error);

#endif
