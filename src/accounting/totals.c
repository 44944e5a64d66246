// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/totals.h"

#include <string.h>

struct v2m_flow v2m_flow_add(struct v2m_flow a, struct v2m_flow b)
{
	a.packets += b.packets;
	a.wire_bytes += b.wire_bytes;
	a.payload_bytes += b.payload_bytes;
	return a;
}

static struct v2m_flow flow_subtract(struct v2m_flow a, struct v2m_flow b)
{
	a.packets -= b.packets;
	a.wire_bytes -= b.wire_bytes;
	a.payload_bytes -= b.payload_bytes;
	return a;
}

struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b)
{
	a.rx = v2m_flow_add(a.rx, b.rx);
	a.tx = v2m_flow_add(a.tx, b.tx);
	return a;
}

struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b)
{
	a.rx = flow_subtract(a.rx, b.rx);
	a.tx = flow_subtract(a.tx, b.tx);
	return a;
}

bool v2m_totals_are_zero(const struct v2m_totals *totals)
{
	const struct v2m_totals zero = { 0 };

	return memcmp(totals, &zero, sizeof(zero)) == 0;
}
