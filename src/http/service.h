/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The part of the server's state that answers use. */
#ifndef V2METER_HTTP_SERVICE_H
#define V2METER_HTTP_SERVICE_H

#include <stdbool.h>

#include "api/meter.h"
#include "api/metrics.h"

struct v2m_http_service {
	const struct v2m_meter *meter;
	enum v2m_api_bytes api_bytes;
	struct v2m_metrics_options metrics;
	char start_id[17]; /* random hexadecimal digits: entity tags of different runs differ */
	bool importing;    /* atomic: a document of totals is in memory */
};

#endif
