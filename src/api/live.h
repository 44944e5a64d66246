/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Renders GET /api/traffic/live: the figures of every key in a short form, for those that ask every
 * two seconds. A v2m_render function without an argument. */
#ifndef V2METER_API_LIVE_H
#define V2METER_API_LIVE_H

#include "api/window.h"

int v2m_api_live(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit, const void *argument,
		 struct v2m_body *body);

#endif
