/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subjects of an account, found by name: open addressing, linear probing, at most half full. A
 * subject is never taken out and never moves, so that pointers to it stay good. */
#ifndef V2METER_ACCOUNTING_SUBJECTS_H
#define V2METER_ACCOUNTING_SUBJECTS_H

#include "accounting/subject.h"

struct v2m_subjects {
	struct v2m_subject **table;
	size_t size; /* a power of two */
	size_t count;
};

/* NULL: there is none of that name. */
struct v2m_subject *v2m_subjects_find(const struct v2m_subjects *subjects, const char *id);
/* Puts in a copy, without what is pending; the caller has seen that there is none of that name. 0
 * or -ENOMEM. */
int v2m_subjects_insert(struct v2m_subjects *subjects, const struct v2m_subject *model,
			struct v2m_subject **subject);
void v2m_subjects_clear(struct v2m_subjects *subjects);

#endif
