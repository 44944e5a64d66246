/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds programs of ours that count but are not pinned in their place. */
#ifndef V2METER_DATAPATH_STRAYS_H
#define V2METER_DATAPATH_STRAYS_H

#include <stdbool.h>

#include "base/error.h"
#include "pins/pins.h"

struct v2m_datapath;

/* Moves renamed pins back to their places: directories with the datapath's maps, anywhere on the
 * bpffs, and links in the datapath's own directory. If another link is in the place of a renamed
 * one, the renamed one is detached. Logs each change. 0 or -errno. */
int v2m_strays_take_back(struct v2m_datapath *datapath, struct v2m_error *error);
/* Detaches programs on the device's tcx hooks that count into the datapath's maps but whose link is
 * not pinned. Needs CAP_SYS_ADMIN and does nothing without it. */
void v2m_strays_evict(struct v2m_datapath *datapath, uint32_t ifindex);
/* True if the directory is ours, which its maps show. */
bool v2m_strays_has_maps(const struct v2m_pins *pins);
/* If pin_dir has no current directory, but a renamed one with all our maps, gives that one its name
 * back. 0 or -errno. */
int v2m_strays_restore(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
