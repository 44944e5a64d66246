/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The setting "budget": what the provider bills. */
#ifndef V2METER_CONFIG_BUDGET_TERMS_H
#define V2METER_CONFIG_BUDGET_TERMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/string_list.h"
#include "config/setting.h"

/* Which bytes the provider counts. */
enum v2m_billed {
	V2M_BILLED_BOTH,
	V2M_BILLED_RX,
	V2M_BILLED_TX,
	V2M_BILLED_LARGER, /* those of the direction that has more in the period */
	V2M_N_BILLED,
};

struct v2m_budget_terms {
	bool set;                   /* false: there is no budget, and the rest is zeros */
	uint64_t bytes;             /* in a period; at least 1 */
	unsigned billing_day;       /* 1 to 31; in a shorter month, its last day */
	enum v2m_billed directions; /* default V2M_BILLED_BOTH */
	struct v2m_strings devices; /* names and globs; empty: every device that is counted on */
};

extern const struct v2m_setting_type v2m_setting_budget; /* struct v2m_budget_terms */

/* The word of the configuration. */
const char *v2m_billed_name(enum v2m_billed billed);

#endif
