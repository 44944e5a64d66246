// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/take_off.h"

#include "datapath/attach_clsact.h"
#include "datapath/attach_tcx.h"

int v2m_take_off(const struct v2m_pins *pins, uint32_t ifindex)
{
	int by_tcx = v2m_tcx_take_off(pins, ifindex);
	int by_clsact = v2m_clsact_take_off(pins, ifindex);

	return by_tcx ? by_tcx : by_clsact;
}
