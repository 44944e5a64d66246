/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes the maps, takes them over, and pins them again. */
#ifndef V2METER_DATAPATH_MAPS_H
#define V2METER_DATAPATH_MAPS_H

#include "base/error.h"

struct v2m_datapath;

/* Takes over the pinned maps or makes new ones. 0 or -errno. */
int v2m_maps_open(struct v2m_datapath *datapath, struct v2m_error *error);
/* Pins the maps again if somebody has removed their pins or pin_dir. Without the pins a restart
 * would begin with new maps, and no program could be pinned. 0 or -errno; -EBUSY if another daemon
 * has taken pin_dir meanwhile. */
int v2m_maps_keep_pinned(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
