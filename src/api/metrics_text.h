/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes metrics in the text format of Prometheus, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#ifndef V2METER_API_METRICS_TEXT_H
#define V2METER_API_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum v2m_metric_type {
	V2M_METRIC_COUNTER,
	V2M_METRIC_GAUGE,
};

/* One family of metrics: all samples with one name stand together. Zeros are an empty text. */
struct v2m_metrics_text {
	FILE *out;        /* of open_memstream(3); its error flag says if memory ran out */
	const char *name; /* of the family that is being written */
};

struct v2m_metric_label {
	const char *name;
	const char *value; /* UTF-8, escaped when it is written */
};

/* The most labels of a sample. */
#define V2M_METRIC_LABELS 4

/* Begins a family; its samples follow. help is one sentence. */
void v2m_metrics_family(struct v2m_metrics_text *text, const char *name, enum v2m_metric_type type,
			const char *help);
/* Writes a sample of the family. The list of labels ends with a name of NULL, or after
 * V2M_METRIC_LABELS. */
void v2m_metrics_u64(struct v2m_metrics_text *text, const struct v2m_metric_label *labels,
		     uint64_t value);
/* The same for microseconds, written as seconds. */
void v2m_metrics_seconds(struct v2m_metrics_text *text, const struct v2m_metric_label *labels,
			 int64_t us);

#endif
