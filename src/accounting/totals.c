// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/totals.h"

static uint64_t limit_counter(uint64_t value)
{
	return value < V2M_COUNTER_MAX ? value : V2M_COUNTER_MAX;
}

uint64_t v2m_counter_add(uint64_t a, uint64_t b)
{
	/* Neither operand is above 2^63 - 1 then, so that their sum cannot wrap. */
	return limit_counter(limit_counter(a) + limit_counter(b));
}

static uint64_t subtract_counter(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct v2m_flow v2m_flow_add(struct v2m_flow a, struct v2m_flow b)
{
#define ADD(name, member, ...) a.member = v2m_counter_add(a.member, b.member);
	V2M_FLOW_COUNTERS(ADD, )
	return a;
}

struct v2m_flow v2m_flow_subtract(struct v2m_flow a, struct v2m_flow b)
{
#define SUBTRACT(name, member, ...) a.member = subtract_counter(a.member, b.member);
	V2M_FLOW_COUNTERS(SUBTRACT, )
	return a;
}

struct v2m_flow v2m_flow_limit(struct v2m_flow flow)
{
#define LIMIT(name, member, ...) flow.member = limit_counter(flow.member);
	V2M_FLOW_COUNTERS(LIMIT, )
	return flow;
}

bool v2m_flow_is_below(struct v2m_flow a, struct v2m_flow b)
{
	bool below = false;

#define COMPARE(name, member, ...) below |= a.member < b.member;
	V2M_FLOW_COUNTERS(COMPARE, )
	return below;
}

bool v2m_flow_is_zero(struct v2m_flow flow)
{
	const struct v2m_flow zero = { 0 };

	return !v2m_flow_is_below(zero, flow);
}

struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b)
{
	a.rx = v2m_flow_add(a.rx, b.rx);
	a.tx = v2m_flow_add(a.tx, b.tx);
	return a;
}

struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b)
{
	a.rx = v2m_flow_subtract(a.rx, b.rx);
	a.tx = v2m_flow_subtract(a.tx, b.tx);
	return a;
}

bool v2m_totals_are_below(const struct v2m_totals *a, const struct v2m_totals *b)
{
	return v2m_flow_is_below(a->rx, b->rx) || v2m_flow_is_below(a->tx, b->tx);
}

bool v2m_totals_are_zero(const struct v2m_totals *totals)
{
	return v2m_flow_is_zero(totals->rx) && v2m_flow_is_zero(totals->tx);
}
