// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/figures.h"

void v2m_put_totals(struct v2m_wire *wire, struct v2m_totals *totals)
{
#define PUT_COUNTER(name, rx, tx, totals_)                                                         \
	{                                                                                          \
		uint64_t values[2] = { (totals_)->rx, (totals_)->tx };                             \
                                                                                                   \
		v2m_wire_u64(wire, &values[0]);                                                    \
		v2m_wire_u64(wire, &values[1]);                                                    \
		(totals_)->rx = values[0];                                                         \
		(totals_)->tx = values[1];                                                         \
	}
	V2M_TOTALS_COUNTERS(PUT_COUNTER, totals)
#undef PUT_COUNTER
}

void v2m_put_figures(struct v2m_wire *wire, struct v2m_history_figures *figures)
{
	v2m_put_totals(wire, &figures->totals);
	v2m_wire_u32(wire, &figures->max_connections);
	v2m_wire_u64(wire, &figures->sessions);
}
