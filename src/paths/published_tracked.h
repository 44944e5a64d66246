/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Published ports that connection tracking shows. */
#ifndef V2METER_PATHS_PUBLISHED_TRACKED_H
#define V2METER_PATHS_PUBLISHED_TRACKED_H

#include "paths/conntrack.h"
#include "paths/nat.h"
#include "paths/published_list.h"
#include "paths/published_scope.h"

/* Adds the ports that connections show where a rule is not understood. unread: there may be rules
 * that were not read. Pure. 0 or -ENOMEM. */
int v2m_published_add_tracked(const struct v2m_tracked_list *tracked,
			      const struct v2m_nat_rules *rules, bool unread,
			      const struct v2m_published_scope *scope,
			      struct v2m_published *published);

#endif
