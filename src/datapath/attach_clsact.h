/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Attaches programs as filters of clsact, with the same functions as attach_tcx.h. */
#ifndef V2METER_DATAPATH_ATTACH_CLSACT_H
#define V2METER_DATAPATH_ATTACH_CLSACT_H

#include <stdbool.h>

#include "pins/pins.h"

int v2m_clsact_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		   int program, bool *missing);
bool v2m_clsact_pinned(const struct v2m_pins *pins, uint32_t ifindex);
/* Whether a filter of ours is on the device, with or without a pin. */
bool v2m_clsact_stands(const struct v2m_pins *pins, uint32_t ifindex);
bool v2m_clsact_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id);
bool v2m_clsact_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		       uint32_t program_id);
int v2m_clsact_take_off(const struct v2m_pins *pins, uint32_t ifindex);

#endif
