/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Joins two subjects into one. An earlier version had a subject for each port of a key. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_JOIN_H
#define V2METER_ACCOUNTING_ACCOUNT_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "accounting/subject.h"

struct v2m_account;

/* Adds the figures of more to those of the subject. Totals, baselines and sessions are added. The
 * larger max_connections, the earliest first_seen_us and the latest other times are kept. Parts and
 * what is pending do not change. */
void v2m_subject_add(struct v2m_subject *subject, const struct v2m_subject *more);

/* Joins the subject named alias into the other one, removes it, and keeps its name as an alias. Its
 * totals are added to the part of the slot with this number, too; 0: to no part. 0; -ENOENT if one
 * of both is unknown or both are the same; or -ENOMEM with no total changed. */
int v2m_account_join(struct v2m_account *account, const char *alias, const char *subject,
		     uint32_t slot_number);
/* The name of the subject with this name or alias. NULL: there is none. The text is valid until
 * subjects are joined. */
const char *v2m_account_name(const struct v2m_account *account, const char *name);
/* Whether there is a subject with this name or alias. */
bool v2m_account_knows(const struct v2m_account *account, const char *name);

#endif
