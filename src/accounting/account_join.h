/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two subjects become one: an earlier version kept the totals of a key with several ports apart. */
#ifndef V2METER_ACCOUNTING_ACCOUNT_JOIN_H
#define V2METER_ACCOUNTING_ACCOUNT_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "accounting/subject.h"

struct v2m_account;

/* Adds the totals of more to those of the subject: totals, baselines and sessions are sums, of
 * times and connections the outermost stay. Parts and what is pending are left alone. */
void v2m_subject_add(struct v2m_subject *subject, const struct v2m_subject *more);

/* Joins the subject named alias into the other one. Its totals are what that one counted in the
 * slot with this number; 0: in no slot of its own. The name goes on as an alias. Both are subjects,
 * and not the same: otherwise -ENOENT. -ENOMEM, and nothing has changed. */
int v2m_account_join(struct v2m_account *account, const char *alias, const char *subject,
		     uint32_t slot_number);
/* The name of the subject that has the name, or into which the one of that name was joined. NULL:
 * none was ever seen. The text lives until the next key set. */
const char *v2m_account_name(const struct v2m_account *account, const char *name);
/* Whether a subject of that name was seen. */
bool v2m_account_knows(const struct v2m_account *account, const char *name);

#endif
