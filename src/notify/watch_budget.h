/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The provider's budget: what is used, and what will be. */
#ifndef V2METER_NOTIFY_WATCH_BUDGET_H
#define V2METER_NOTIFY_WATCH_BUDGET_H

#include "notify/round.h"

/* Each percentage and the projection are alerts once in a billing period. The projection is looked
 * at when a day of the period has passed. Does nothing if the look has no budget. 0 or -errno. */
int v2m_watch_budget(const struct v2m_round *round);

#endif
