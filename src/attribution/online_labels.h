/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Has the kernel label the flows whose users the last list of online users names. */
#ifndef V2METER_ATTRIBUTION_ONLINE_LABELS_H
#define V2METER_ATTRIBUTION_ONLINE_LABELS_H

#include "attribution/online_owners.h"
#include "base/error.h"

struct v2m_datapath;

/* Compares the flows with the last list, see v2m_online_owners_plan(), and labels them. Adds the
 * labels to *labelled, for v2m_flows_move(). Notes sessions, named slots and gaps in the
 * attributor. 0 or -errno. */
int v2m_online_labels_set(struct v2m_online_owners *owners, struct v2m_attributor *attributor,
			  struct v2m_datapath *datapath, const struct v2m_connection_table *table,
			  struct v2m_label_list *labelled, struct v2m_error *error);

/* Before a reset leaves the bytes of flows without owner with their slots: notes a gap in the
 * attributor if a later list might have named their users. 0 or -errno. */
int v2m_online_labels_note_left(struct v2m_attributor *attributor, struct v2m_datapath *datapath,
				struct v2m_error *error);

#endif
