/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes of what the byte source counts, and of the byte source itself, without losing or doubling
 * a byte.
 */
#ifndef V2METER_COLLECTOR_SOURCE_CHANGE_H
#define V2METER_COLLECTOR_SOURCE_CHANGE_H

#include "base/error.h"
#include "collector/parts.h"

struct v2m_keyset;

/* Has the byte source count the ports of a key set, which need not be active yet. Returns how many
 * could not be placed, or -errno; some or all of the new ports may be counted then. */
int v2m_source_change_ports(struct v2m_parts *parts, const struct v2m_keyset *keyset,
			    struct v2m_error *error);
/* Chooses the devices again and attaches to them. */
void v2m_source_change_devices(struct v2m_parts *parts);
/* The same after the active key set has changed. Falls back if every device refuses the programs,
 * carries over what an earlier version counted, and takes a sample. */
void v2m_source_change_renew(struct v2m_parts *parts);
/* Follows the namespace whose sockets are read. */
void v2m_source_change_follow_netns(struct v2m_parts *parts);
/* Goes back to the kernel programs if they can be used again. */
void v2m_source_change_retry(struct v2m_parts *parts);

#endif
