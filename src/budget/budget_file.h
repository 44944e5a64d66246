/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The budget's sums on the disk, together with the readings that led to them. */
#ifndef V2METER_BUDGET_BUDGET_FILE_H
#define V2METER_BUDGET_BUDGET_FILE_H

#include "budget/budget.h"

/* Reads the file. 0, also if there is none: *budget has zeros then; -EINVAL with the place if it is
 * damaged; or another -errno. */
int v2m_budget_load(const char *path, struct v2m_budget *budget, struct v2m_error *error);
/* Replaces the file: after a crash the old or the new one is there, whole. 0 or -errno; on success
 * the budget is not dirty any more. */
int v2m_budget_store(const char *path, struct v2m_budget *budget);

#endif
