/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Renders the answers with the hours and the rate history of a key. */
#ifndef V2METER_API_RATE_HISTORY_H
#define V2METER_API_RATE_HISTORY_H

#include "api/history.h"
#include "api/meter.h"

/* The hours between two dates: a v2m_render function with a struct v2m_history_argument. */
int v2m_api_key_hours(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);
/* Rates in whole bytes per second. 0 or -ENOMEM. */
int v2m_api_key_rates(const struct v2m_key *key, const struct v2m_key_rates *rates,
		      struct v2m_body *body);

#endif
