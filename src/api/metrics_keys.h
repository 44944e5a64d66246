/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The metrics of keys and ports. */
#ifndef V2METER_API_METRICS_KEYS_H
#define V2METER_API_METRICS_KEYS_H

#include <stdbool.h>

#include "accounting/snapshot.h"
#include "api/metrics_text.h"

/* The settings metrics_keys_max and metrics_key_names. */
struct v2m_metrics_options {
	unsigned keys_max; /* the most keys that have samples of their own */
	bool key_names;    /* v2meter_key_info tells the names of keys */
};

/* 0 or -ENOMEM. */
int v2m_metrics_keys(struct v2m_metrics_text *text, const struct v2m_snapshot *snapshot,
		     const struct v2m_metrics_options *options);

#endif
