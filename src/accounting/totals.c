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
#define ADD_FLOW(name, member, ...) a.member = v2m_counter_add(a.member, b.member);
	V2M_FLOW_COUNTERS(ADD_FLOW, )
	return a;
}

struct v2m_flow v2m_flow_subtract(struct v2m_flow a, struct v2m_flow b)
{
#define SUBTRACT_FLOW(name, member, ...) a.member = subtract_counter(a.member, b.member);
	V2M_FLOW_COUNTERS(SUBTRACT_FLOW, )
	return a;
}

struct v2m_flow v2m_flow_limit(struct v2m_flow flow)
{
#define LIMIT_FLOW(name, member, ...) flow.member = limit_counter(flow.member);
	V2M_FLOW_COUNTERS(LIMIT_FLOW, )
	return flow;
}

bool v2m_flow_is_below(struct v2m_flow a, struct v2m_flow b)
{
	bool below = false;

#define COMPARE_FLOW(name, member, ...) below |= a.member < b.member;
	V2M_FLOW_COUNTERS(COMPARE_FLOW, )
	return below;
}

struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b)
{
#define ADD_TOTALS(name, rx_member, tx_member, ...)                                                \
	a.rx_member = v2m_counter_add(a.rx_member, b.rx_member);                                   \
	a.tx_member = v2m_counter_add(a.tx_member, b.tx_member);
	V2M_TOTALS_COUNTERS(ADD_TOTALS, )
	return a;
}

struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b)
{
#define SUBTRACT_TOTALS(name, rx_member, tx_member, ...)                                           \
	a.rx_member = subtract_counter(a.rx_member, b.rx_member);                                  \
	a.tx_member = subtract_counter(a.tx_member, b.tx_member);
	V2M_TOTALS_COUNTERS(SUBTRACT_TOTALS, )
	return a;
}

struct v2m_totals v2m_totals_limit(struct v2m_totals totals, struct v2m_totals limit)
{
	return v2m_totals_subtract(totals, v2m_totals_subtract(totals, limit));
}

bool v2m_totals_are_below(const struct v2m_totals *a, const struct v2m_totals *b)
{
	bool below = false;

#define COMPARE_TOTALS(name, rx_member, tx_member, ...)                                            \
	below |= a->rx_member < b->rx_member || a->tx_member < b->tx_member;
	V2M_TOTALS_COUNTERS(COMPARE_TOTALS, )
	return below;
}

bool v2m_totals_are_zero(const struct v2m_totals *totals)
{
	const struct v2m_totals zero = { 0 };

	return !v2m_totals_are_below(&zero, totals);
}
