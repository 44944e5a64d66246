/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The findings of the doctor: lines, each with a level, its meaning and what to do. */
#ifndef V2METER_CTL_DOCTOR_FINDINGS_H
#define V2METER_CTL_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

enum v2m_level {
	V2M_LEVEL_OK,
	V2M_LEVEL_WARN, /* figures may become wrong or incomplete, or something is not safe */
	V2M_LEVEL_FAIL, /* figures are missing or wrong now */
	V2M_N_LEVELS,
};

struct v2m_finding {
	const char *check; /* the name of the check */
	enum v2m_level level;
	char *means;  /* one sentence */
	char *advice; /* what to do; NULL: nothing */
};

/* An array (base/array.h). Zeros are an empty list. */
struct v2m_findings {
	struct v2m_finding *items;
	size_t count;
	size_t capacity;
	const char *check; /* the name that new findings get */
	bool lost;         /* a finding was lost for lack of memory */
};

/* Adds a finding of the current check. */
void v2m_found(struct v2m_findings *findings, enum v2m_level level, const char *format, ...)
	V2M_PRINTF(3, 4);
/* Says what to do about the finding that was added last. */
void v2m_advise(struct v2m_findings *findings, const char *format, ...) V2M_PRINTF(2, 3);
/* The worst level; V2M_LEVEL_OK for an empty list. */
enum v2m_level v2m_findings_worst(const struct v2m_findings *findings);
void v2m_findings_clear(struct v2m_findings *findings);

#endif
