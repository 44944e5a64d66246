/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_DATAPATH_UNPIN_H
#define V2METER_DATAPATH_UNPIN_H

#include "pins/pins.h"

/* Unlinks the pins of a directory, and the directory. 0 or -errno; -ENOTEMPTY if somebody else has
 * pinned something there. */
int v2m_pins_remove(const struct v2m_pins *pins);

#endif
