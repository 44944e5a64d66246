/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answer of GET /metrics, for Prometheus. */
#ifndef V2METER_API_METRICS_H
#define V2METER_API_METRICS_H

#include "api/metrics_keys.h"
#include "api/status.h"
#include "api/window.h"

#define V2M_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The argument of v2m_api_metrics(). */
struct v2m_metrics_input {
	int64_t now_us; /* Unix microseconds, for the age of the counters */
	const struct v2m_status *status;
	struct v2m_metrics_options options;
};

/*
 * Renders all metrics. The counters of keys are those that no reset touches. A sample has no
 * address of a client and no credential: a key is named by its id. If somebody chose the uuid as
 * the id of its key, the label is a hash of it.
 */
int v2m_api_metrics(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
		    const void *argument, struct v2m_body *body);

#endif
