/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps the budget of the running daemon: one file in the state directory. */
#ifndef V2METER_BUDGET_BUDGET_KEEPER_H
#define V2METER_BUDGET_BUDGET_KEEPER_H

#include "budget/budget.h"
#include "config/config.h"

struct v2m_budget_keeper;

/* Reads <state_dir>/budget.json. A damaged file is logged and set aside, and the sums begin anew.
 * Without a budget in the configuration nothing is read or written. The configuration must outlive
 * the keeper. 0 or -ENOMEM. */
int v2m_budget_keeper_open(const struct v2m_config *config, struct v2m_budget_keeper **keeper);
/* Does nothing on NULL. */
void v2m_budget_keeper_close(struct v2m_budget_keeper *keeper);

void v2m_budget_keeper_take(struct v2m_budget_keeper *keeper, const struct v2m_sample *sample);
/* Stores what has changed. Logs when that begins to fail and when it works again. */
void v2m_budget_keeper_flush(struct v2m_budget_keeper *keeper);
void v2m_budget_keeper_look(const struct v2m_budget_keeper *keeper, struct v2m_budget_view *view);

#endif
