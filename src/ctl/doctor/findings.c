// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

void v2m_found(struct v2m_findings *findings, enum v2m_level level, const char *format, ...)
{
	struct v2m_finding finding = { .check = findings->check, .level = level };
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&finding.means, format, arguments);
	va_end(arguments);
	if (length >= 0 && v2m_array_add(findings, finding) == 0)
		return;
	if (length >= 0)
		free(finding.means);
	findings->lost = true;
}

void v2m_advise(struct v2m_findings *findings, const char *format, ...)
{
	char *text;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0 || findings->lost || findings->count == 0) {
		findings->lost = true;
		if (length >= 0)
			free(text);
		return;
	}
	free(findings->items[findings->count - 1].advice);
	findings->items[findings->count - 1].advice = text;
}

enum v2m_level v2m_findings_worst(const struct v2m_findings *findings)
{
	enum v2m_level worst = V2M_LEVEL_OK;

	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].level > worst)
			worst = findings->items[i].level;
	return worst;
}

void v2m_findings_clear(struct v2m_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->items[i].means);
		free(findings->items[i].advice);
	}
	v2m_array_clear(findings);
}
