/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs of ours that count, but are not pinned where they should be. */
#ifndef V2METER_DATAPATH_STRAYS_H
#define V2METER_DATAPATH_STRAYS_H

#include <stdbool.h>

#include "base/error.h"
#include "pins/pins.h"

struct v2m_datapath;

/* Moves back what was renamed: directories that have the datapath's maps in them, anywhere on the
 * bpffs, and links in the datapath's own directory. A link whose place is taken by another one is
 * detached. Logs what it found. 0 or -errno. */
int v2m_strays_take_back(struct v2m_datapath *datapath, struct v2m_error *error);
/* Detaches programs on the device's tcx hooks that count into the datapath's maps by a link that is
 * pinned nowhere. Takes CAP_SYS_ADMIN; does nothing without it. */
void v2m_strays_evict(struct v2m_datapath *datapath, uint32_t ifindex);
/* Whether this is a directory of ours, by the maps in it. */
bool v2m_strays_has_maps(const struct v2m_pins *pins);
/* If pin_dir has no current directory: renames another one in it that has all our maps back to
 * that. 0 or -errno. */
int v2m_strays_restore(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
