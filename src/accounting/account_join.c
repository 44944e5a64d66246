// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account_join.h"

#include <errno.h>

#include "accounting/account_state.h"

static int64_t larger_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

void v2m_subject_add(struct v2m_subject *subject, const struct v2m_subject *more)
{
	subject->lifetime = v2m_totals_add(subject->lifetime, more->lifetime);
	subject->baseline = v2m_totals_add(subject->baseline, more->baseline);
	subject->history_baseline =
		v2m_totals_add(subject->history_baseline, more->history_baseline);
	if (more->max_connections > subject->max_connections)
		subject->max_connections = more->max_connections;
	subject->sessions = v2m_counter_add(subject->sessions, more->sessions);
	if (more->first_seen_us < subject->first_seen_us)
		subject->first_seen_us = more->first_seen_us;
	subject->last_activity_us = larger_of(subject->last_activity_us, more->last_activity_us);
	subject->reset_us = larger_of(subject->reset_us, more->reset_us);
}

static void add_to_part(struct v2m_part *part, const struct v2m_subject *more)
{
	part->lifetime = v2m_totals_add(part->lifetime, more->lifetime);
	part->baseline = v2m_totals_add(part->baseline, more->baseline);
	part->dirty = true;
}

int v2m_account_join(struct v2m_account *account, const char *alias, const char *subject,
		     uint32_t slot_number)
{
	struct v2m_subject *from = v2m_subjects_find(&account->subjects, alias);
	struct v2m_subject *to = v2m_subjects_find(&account->subjects, subject);
	struct v2m_part *part = NULL;

	if (!from || !to || from == to)
		return -ENOENT;
	if (slot_number) {
		part = v2m_parts_make(&to->parts, slot_number);
		if (!part)
			return -ENOMEM;
	}
	if (v2m_pending_reserve_more(&to->pending, &from->pending) ||
	    v2m_aliases_put(&account->aliases, alias, to))
		return -ENOMEM;
	v2m_aliases_redirect(&account->aliases, from, to);
	v2m_subject_add(to, from);
	if (part)
		add_to_part(part, from);
	v2m_pending_add_all(&to->pending, &from->pending);
	v2m_account_touch(account, to);
	/* An owner may point to the subject that is removed. */
	v2m_account_unbind(account);
	v2m_subjects_remove(&account->subjects, from);
	return 0;
}

const char *v2m_account_name(const struct v2m_account *account, const char *name)
{
	const struct v2m_subject *subject = v2m_subjects_find(&account->subjects, name);
	const struct v2m_alias *alias = v2m_aliases_find(&account->aliases, name);

	if (subject)
		return subject->id;
	return alias ? alias->subject->id : NULL;
}

bool v2m_account_knows(const struct v2m_account *account, const char *name)
{
	return v2m_account_name(account, name) != NULL;
}
