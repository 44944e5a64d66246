/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_TAKE_OFF_H
#define V2METER_DATAPATH_TAKE_OFF_H

#include "pins/pins.h"

/* Removes everything of ours from a device. 0 or -errno. */
int v2m_take_off(const struct v2m_pins *pins, uint32_t ifindex);

#endif
