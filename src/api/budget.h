/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answer of GET /api/meter/budget. */
#ifndef V2METER_API_BUDGET_H
#define V2METER_API_BUDGET_H

#include "api/body.h"
#include "api/status.h"

/* Renders the budget of the status, which must be set. 0 or -ENOMEM. */
int v2m_api_budget(const struct v2m_status *status, struct v2m_body *body);

#endif
