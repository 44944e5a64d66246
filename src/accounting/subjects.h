/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subjects of an account, in the order in which they were added. They are found by name. A
 * subject never moves: a pointer to it is valid until the subject is removed. */
#ifndef V2METER_ACCOUNTING_SUBJECTS_H
#define V2METER_ACCOUNTING_SUBJECTS_H

#include "accounting/subject.h"
#include "base/array.h"
#include "base/table.h"

/* Starts as zeros. */
struct v2m_subjects {
	V2M_ARRAY(struct v2m_subject *) list;
	struct v2m_table by_name; /* of the same pointers */
};

/* Finds a subject by its name. NULL: there is none. */
struct v2m_subject *v2m_subjects_find(const struct v2m_subjects *subjects, const char *id);
/* Adds a copy of a subject whose name is new, without its parts and what is pending. 0, or -ENOMEM
 * with the subjects unchanged. */
int v2m_subjects_insert(struct v2m_subjects *subjects, const struct v2m_subject *model,
			struct v2m_subject **subject);
/* Removes a subject of the list and frees it. */
void v2m_subjects_remove(struct v2m_subjects *subjects, struct v2m_subject *subject);
void v2m_subjects_clear(struct v2m_subjects *subjects);

#endif
