/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters and their arithmetic, counter by counter. A sum stops at V2M_COUNTER_MAX and a
 * difference at 0: neither ever wraps.
 */
#ifndef V2METER_ACCOUNTING_TOTALS_H
#define V2METER_ACCOUNTING_TOTALS_H

#include <stdbool.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

/* The largest value of a counter: SQLite's integers are signed. 8 EiB of one key are 23 years at
 * 100 Gbit/s. */
#define V2M_COUNTER_MAX ((uint64_t)INT64_MAX)

/* The counters of struct v2m_flow: X(name in the ledger and in exports, member, ...). */
#define V2M_FLOW_COUNTERS(X, ...)                                                                  \
	X(packets, packets, __VA_ARGS__)                                                           \
	X(wire, wire_bytes, __VA_ARGS__)                                                           \
	X(payload, payload_bytes, __VA_ARGS__)

/* Both transports of a slot or key together. */
struct v2m_totals {
	struct v2m_flow rx;
	struct v2m_flow tx;
	/* TCP payload that connections handed over, each byte once, and UDP payload. */
	uint64_t delivered_rx;
	uint64_t delivered_tx;
};

/* The counters of struct v2m_totals: X(name in the ledger and in exports, member of rx, member of
 * tx, ...). */
#define V2M_TOTALS_OF_FLOW(name, member, X, ...) X(name, rx.member, tx.member, __VA_ARGS__)
#define V2M_TOTALS_COUNTERS(X, ...)                                                                \
	V2M_FLOW_COUNTERS(V2M_TOTALS_OF_FLOW, X, __VA_ARGS__)                                      \
	X(delivered, delivered_rx, delivered_tx, __VA_ARGS__)

uint64_t v2m_counter_add(uint64_t a, uint64_t b);

struct v2m_flow v2m_flow_add(struct v2m_flow a, struct v2m_flow b);
struct v2m_flow v2m_flow_subtract(struct v2m_flow a, struct v2m_flow b);
/* The flow with every counter at V2M_COUNTER_MAX at most. */
struct v2m_flow v2m_flow_limit(struct v2m_flow flow);
/* True if any counter of a is below the same one of b. */
bool v2m_flow_is_below(struct v2m_flow a, struct v2m_flow b);

struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b);
struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b);
/* The totals with every counter at most that of limit. */
struct v2m_totals v2m_totals_limit(struct v2m_totals totals, struct v2m_totals limit);
/* True if any counter of a is below the same one of b. */
bool v2m_totals_are_below(const struct v2m_totals *a, const struct v2m_totals *b);
bool v2m_totals_are_zero(const struct v2m_totals *totals);

#endif
