/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of an earlier version whose maps have another layout. */
#ifndef V2METER_DATAPATH_PREVIOUS_H
#define V2METER_DATAPATH_PREVIOUS_H

#include "base/sample.h"
#include "v2meter/bpf_abi.h"
#include "base/error.h"

struct v2m_datapath;

/* Reads the final counts of an earlier version with another layout: only ports, with their own
 * epoch. Call it after every device has been attached or detached, because that ends the counting
 * in the old maps. Store the counts, call v2m_datapath_drop_previous(), and repeat both until
 * -ENOENT. 0; -ENOENT if there are none, which is the normal case; -EPROTO if they cannot be
 * understood (log it, then drop them); or another -errno. */
int v2m_datapath_read_previous(struct v2m_datapath *datapath, struct v2m_sample *sample,
			       struct v2m_error *error);
/* Reads the mark of the ledger that is beside those counts. Zeros: that version left none. 0 or
 * -errno. */
int v2m_datapath_read_previous_mark(const struct v2m_datapath *datapath,
				    struct v2m_ledger_mark *mark);
/* Removes the maps that v2m_datapath_read_previous() reads. 0 or -errno. */
int v2m_datapath_drop_previous(struct v2m_datapath *datapath);

/* Sets aside the maps of an incompatible version, and moves its links and programs to the current
 * directory. 0 or -errno. */
int v2m_previous_set_aside(struct v2m_datapath *datapath, const char *directory, const char *why,
			   struct v2m_error *error);
/* Does the same for directories of other versions, and completes what an earlier crash interrupted.
 */
int v2m_previous_open(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
