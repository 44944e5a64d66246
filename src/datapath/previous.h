/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of an earlier version whose maps have another layout. */
#ifndef V2METER_DATAPATH_PREVIOUS_H
#define V2METER_DATAPATH_PREVIOUS_H

#include "base/sample.h"
#include "base/error.h"

struct v2m_datapath;

/* The final counts of an earlier version with another layout: ports alone, with its own epoch. To
 * be called after every device has been attached or detached, which ends the counting in the old
 * maps; then, once the counts are stored, v2m_datapath_drop_previous(), and again until -ENOENT. 0,
 * -ENOENT where there are none (the normal case), or -errno; -EPROTO where they cannot be
 * understood (to be logged, then dropped). */
int v2m_datapath_read_previous(struct v2m_datapath *datapath, struct v2m_sample *sample,
			       struct v2m_error *error);
/* Removes the maps that v2m_datapath_read_previous() reads. 0 or -errno. */
int v2m_datapath_drop_previous(struct v2m_datapath *datapath);

/* Sets aside what an incompatible version pinned, its links and programs go over to
 * the current directory. 0 or -errno. */
int v2m_previous_set_aside(struct v2m_datapath *datapath, const char *directory, const char *why,
			   struct v2m_error *error);
/* The same for directories of other versions, and for what an earlier crash left half done. */
int v2m_previous_open(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
