/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes what is ours off a device, and out of a directory of pins. */
#ifndef V2METER_DATAPATH_TAKE_OFF_H
#define V2METER_DATAPATH_TAKE_OFF_H

#include "pins/pins.h"

/* Removes everything of ours from a device. 0 or -errno. */
int v2m_take_off(const struct v2m_pins *pins, uint32_t ifindex);
/* Unlinks the pins of a directory, and the directory. 0 or -errno; -ENOTEMPTY if somebody else has
 * pinned something there. */
int v2m_pins_remove(const struct v2m_pins *pins);

#endif
