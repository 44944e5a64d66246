/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs attached by tcx links. */
#ifndef V2METER_DATAPATH_ATTACH_TCX_H
#define V2METER_DATAPATH_ATTACH_TCX_H

#include <stdbool.h>

#include "pins/pins.h"

/* Both: 0 or -errno, *missing is set where a pin was without what it stood for. */
int v2m_tcx_put(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		int program, bool *missing);
bool v2m_tcx_pinned(const struct v2m_pins *pins, uint32_t ifindex);
bool v2m_tcx_intact(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id);
/* Whether a program of somebody else's runs before ours. */
bool v2m_tcx_outrun(const struct v2m_pins *pins, uint32_t ifindex, enum v2m_direction direction,
		    uint32_t program_id);
int v2m_tcx_take_off(const struct v2m_pins *pins, uint32_t ifindex);

#endif
