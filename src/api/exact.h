/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Renders the answers that consumers fall back to if the simple ones fail: v2m_render functions
 * with the argument of those in traffic.h. */
#ifndef V2METER_API_EXACT_H
#define V2METER_API_EXACT_H

#include "api/window.h"

int v2m_api_ports_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body);
int v2m_api_key_port_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			   const void *argument, struct v2m_body *body);
int v2m_api_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body);
int v2m_api_key_exact(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);
int v2m_api_key_traffic(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body);
int v2m_api_status(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		   const void *argument, struct v2m_body *body);
int v2m_api_system_summary(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			   const void *argument, struct v2m_body *body);

#endif
