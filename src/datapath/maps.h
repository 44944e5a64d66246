/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps' life: made, taken over, pinned again. */
#ifndef V2METER_DATAPATH_MAPS_H
#define V2METER_DATAPATH_MAPS_H

#include "base/error.h"

struct v2m_datapath;

/* Takes the pinned maps over or makes new ones. 0 or -errno. */
int v2m_maps_open(struct v2m_datapath *datapath, struct v2m_error *error);
/* Pins the maps again where somebody has removed their pins, or pin_dir: without them a restart
 * would begin with new maps, and nothing could be pinned beside them. 0 or -errno; -EBUSY where
 * another daemon has taken pin_dir meanwhile. */
int v2m_maps_keep_pinned(struct v2m_datapath *datapath, struct v2m_error *error);

#endif
