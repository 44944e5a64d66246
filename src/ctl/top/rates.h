/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rate of each direction, from the totals of the last answers. */
#ifndef V2METER_CTL_TOP_RATES_H
#define V2METER_CTL_TOP_RATES_H

#include "ctl/top/rows.h"

struct v2m_top_rates;

/* NULL: out of memory. */
struct v2m_top_rates *v2m_top_rates_new(void);
/* Does nothing on NULL. */
void v2m_top_rates_free(struct v2m_top_rates *rates);

/* Fills in the rates of the rows, over the last 8 to 10 seconds, and remembers their totals. A
 * reset begins a rate anew, and so does a restart of the server's machine. 0, or -ENOMEM: the rates
 * are filled in, and the next ones are from older totals. */
int v2m_top_rates_add(struct v2m_top_rates *rates, struct v2m_top_rows *rows);

#endif
