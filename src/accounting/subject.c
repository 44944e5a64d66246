// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/subject.h"

#include <string.h>

bool v2m_subject_is_behind(const struct v2m_subject *subject)
{
	return strncmp(subject->id, "behind:", strlen("behind:")) == 0;
}

struct v2m_totals v2m_subject_since_reset(const struct v2m_subject *subject)
{
	return v2m_totals_subtract(subject->lifetime, subject->baseline);
}

struct v2m_totals v2m_subject_history(const struct v2m_subject *subject)
{
	return v2m_totals_subtract(subject->lifetime, subject->history_baseline);
}
