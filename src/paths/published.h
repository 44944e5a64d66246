/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ports under which servers of this host are published: those that the configuration names,
 * those that NAT rules show, and those that connection tracking shows.
 */
#ifndef V2METER_PATHS_PUBLISHED_H
#define V2METER_PATHS_PUBLISHED_H

#include "paths/conntrack.h"
#include "paths/nat.h"
#include "paths/published_list.h"
#include "paths/published_scope.h"

/* How the kinds of rules were read: 0, or why they could not be. -EOPNOTSUPP: the kernel has none.
 */
struct v2m_published_reading {
	int nft;
	int legacy;
};

/* Makes the list from the rules of all kinds, and from what connections show where the rules are
 * not understood. Pure. 0 or -ENOMEM; the caller clears it in any case.
 */
int v2m_published_make(const struct v2m_nat_rules *rules, struct v2m_published_reading read,
		       const struct v2m_tracked_list *tracked,
		       const struct v2m_published_scope *scope, struct v2m_published *published);

#endif
