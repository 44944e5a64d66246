/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arithmetic of counters, field by field, modulo 2^64. */
#ifndef V2METER_ACCOUNTING_TOTALS_H
#define V2METER_ACCOUNTING_TOTALS_H

#include "accounting/snapshot.h"

struct v2m_flow v2m_flow_add(struct v2m_flow a, struct v2m_flow b);
struct v2m_totals v2m_totals_add(struct v2m_totals a, struct v2m_totals b);
struct v2m_totals v2m_totals_subtract(struct v2m_totals a, struct v2m_totals b);
bool v2m_totals_are_zero(const struct v2m_totals *totals);

#endif
