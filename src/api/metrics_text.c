// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/metrics_text.h"

#include <inttypes.h>
#include <string.h>

void v2m_metrics_family(struct v2m_metrics_text *text, const char *name, enum v2m_metric_type type,
			const char *help)
{
	static const char *const types[] = {
		[V2M_METRIC_COUNTER] = "counter",
		[V2M_METRIC_GAUGE] = "gauge",
	};

	text->name = name;
	fprintf(text->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* A backslash, a quote and a line break are escaped. A name of a customer may have all of them. */
static void put_value(FILE *out, const char *value)
{
	while (*value) {
		size_t plain = strcspn(value, "\\\"\n");

		fwrite_unlocked(value, 1, plain, out);
		value += plain;
		if (!*value)
			return;
		putc_unlocked('\\', out);
		putc_unlocked(*value == '\n' ? 'n' : *value, out);
		value++;
	}
}

static void put_head(struct v2m_metrics_text *text, const struct v2m_metric_label *labels)
{
	FILE *out = text->out;

	fputs_unlocked(text->name, out);
	for (size_t i = 0; labels && i < V2M_METRIC_LABELS && labels[i].name; i++) {
		putc_unlocked(i ? ',' : '{', out);
		fputs_unlocked(labels[i].name, out);
		fputs_unlocked("=\"", out);
		put_value(out, labels[i].value);
		putc_unlocked('"', out);
	}
	if (labels && labels[0].name)
		putc_unlocked('}', out);
	putc_unlocked(' ', out);
}

void v2m_metrics_u64(struct v2m_metrics_text *text, const struct v2m_metric_label *labels,
		     uint64_t value)
{
	char digits[24];
	char *at = digits + sizeof(digits);

	put_head(text, labels);
	*--at = '\n';
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	fwrite_unlocked(at, 1, (size_t)(digits + sizeof(digits) - at), text->out);
}

void v2m_metrics_seconds(struct v2m_metrics_text *text, const struct v2m_metric_label *labels,
			 int64_t us)
{
	uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;

	put_head(text, labels);
	fprintf(text->out, "%s%" PRIu64 ".%06u\n", us < 0 ? "-" : "", size / 1000000,
		(unsigned)(size % 1000000));
}
