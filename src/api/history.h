/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Renders the answers about history. */
#ifndef V2METER_API_HISTORY_H
#define V2METER_API_HISTORY_H

#include "api/meter.h"
#include "api/window.h"

/* v2m_render functions with a struct v2m_history_argument. They ask the meter while they render. If
 * it has no answer, they return -EAGAIN with the reason in *verdict. */
struct v2m_history_argument {
	const struct v2m_meter *meter;
	struct v2m_history_query query;
	int32_t date; /* for v2m_api_history_date alone */
	enum v2m_verdict *verdict;
};
int v2m_api_history(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		    const void *argument, struct v2m_body *body);
int v2m_api_key_history(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const void *argument, struct v2m_body *body);
int v2m_api_history_date(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			 const void *argument, struct v2m_body *body);
int v2m_api_month(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		  const void *argument, struct v2m_body *body);
int v2m_api_key_month(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		      const void *argument, struct v2m_body *body);

/* asked: how the request named the key. 0 or -ENOMEM. */
int v2m_api_history_reset(const char *asked, int64_t real_us, struct v2m_body *body);
int v2m_api_history_cleanup(unsigned days_kept, int64_t real_us, struct v2m_body *body);

/* The answer to an import. 0 or -ENOMEM. */
int v2m_api_import(const struct v2m_import_result *counts, int64_t real_us, struct v2m_body *body);

#endif
