// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resets and imports: they change totals without traffic, and each can be undone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/account.h"
#include "accounting/account_state.h"

/* 0 or -ENOMEM. A subject without parts has a copy that is NULL. */
static int copy_parts(const struct v2m_subject *subject, struct v2m_part **copy)
{
	const size_t count = subject->parts.count;

	*copy = count ? calloc(count, sizeof(**copy)) : NULL;
	if (count && !*copy)
		return -ENOMEM;
	if (count)
		memcpy(*copy, subject->parts.items, count * sizeof(**copy));
	return 0;
}

/* Copies what a reset changes. 0 or -ENOMEM. */
static int keep_for_undo(const struct v2m_subject *subject, struct v2m_reset_undo *undo)
{
	struct v2m_part *parts;

	if (copy_parts(subject, &parts))
		return -ENOMEM;
	*undo = (struct v2m_reset_undo){
		.baseline = subject->baseline,
		.reset_us = subject->reset_us,
		.parts = parts,
		.n_parts = subject->parts.count,
	};
	return 0;
}

int v2m_account_reset(struct v2m_account *account, const char *id, int64_t real_us,
		      struct v2m_totals *closed, struct v2m_reset_undo *undo)
{
	struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);

	if (!subject)
		return -ENOENT;
	if (keep_for_undo(subject, undo))
		return -ENOMEM;
	*closed = v2m_subject_since_reset(subject);
	subject->baseline = subject->lifetime;
	subject->reset_us = real_us;
	for (size_t i = 0; i < subject->parts.count; i++) {
		struct v2m_part *part = &subject->parts.items[i];

		part->baseline = part->lifetime;
		part->dirty = true;
	}
	v2m_account_touch(account, subject);
	return 0;
}

void v2m_account_undo_reset(struct v2m_account *account, const char *id,
			    const struct v2m_reset_undo *undo)
{
	struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);

	if (!subject)
		return;
	subject->baseline = undo->baseline;
	subject->reset_us = undo->reset_us;
	for (size_t i = 0; i < undo->n_parts; i++) {
		struct v2m_part *part = v2m_parts_find(&subject->parts, undo->parts[i].slot_number);

		if (!part)
			continue;
		part->baseline = undo->parts[i].baseline;
		part->dirty = true;
	}
	v2m_account_touch(account, subject);
}

void v2m_reset_undo_clear(struct v2m_reset_undo *undo)
{
	free(undo->parts);
	undo->parts = NULL;
	undo->n_parts = 0;
}

int v2m_account_reset_history(struct v2m_account *account, const char *id,
			      struct v2m_history_undo *undo)
{
	struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);

	if (!subject)
		return -ENOENT;
	*undo = (struct v2m_history_undo){
		.baseline = subject->history_baseline,
		.max_connections = subject->max_connections,
		.sessions = subject->sessions,
		.pending = subject->pending,
	};
	subject->history_baseline = subject->lifetime;
	subject->max_connections = 0;
	subject->sessions = 0;
	subject->noted_connections = 0;
	memset(&subject->pending, 0, sizeof(subject->pending));
	v2m_account_touch(account, subject);
	return 0;
}

void v2m_account_undo_history_reset(struct v2m_account *account, const char *id,
				    struct v2m_history_undo *undo)
{
	struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);

	if (!subject)
		return;
	subject->history_baseline = undo->baseline;
	subject->max_connections = undo->max_connections;
	subject->sessions = undo->sessions;
	v2m_pending_free(&subject->pending);
	subject->pending = undo->pending;
	memset(&undo->pending, 0, sizeof(undo->pending));
	v2m_account_touch(account, subject);
}

void v2m_history_undo_clear(struct v2m_history_undo *undo)
{
	v2m_pending_free(&undo->pending);
}

/* Finds the subject of that name, or makes one with the name and port of the other ledger. A name
 * and port that are here already come from a key source and stay. */
static int get_subject_for_merge(struct v2m_account *account, const struct v2m_subject *more,
				 struct v2m_subject **subject)
{
	const struct v2m_subject fresh = {
		.id = more->id,
		.name = more->name,
		.port = more->port,
		.first_seen_us = more->first_seen_us,
	};

	*subject = v2m_subjects_find(&account->subjects, more->id);
	return *subject ? 0 : v2m_subjects_insert(&account->subjects, &fresh, subject);
}

/* Makes the parts to which others are added. A key that had one slot until now has all its bytes
 * there. 0 or -ENOMEM with no totals changed. */
static int make_parts(struct v2m_account *account, struct v2m_subject *subject,
		      const struct v2m_key_parts *more)
{
	if (!more->count)
		return 0;
	if (v2m_account_begin_parts(account, subject))
		return -ENOMEM;
	/* The owners know their parts by their places. */
	v2m_account_unbind(account);
	for (size_t i = 0; i < more->count; i++)
		if (!v2m_parts_make(&subject->parts, more->items[i].slot_number))
			return -ENOMEM;
	return 0;
}

static void add_parts(struct v2m_subject *subject, const struct v2m_key_parts *more)
{
	for (size_t i = 0; i < more->count; i++) {
		const struct v2m_part *from = &more->items[i];
		struct v2m_part *part = v2m_parts_find(&subject->parts, from->slot_number);

		part->lifetime = v2m_totals_add(part->lifetime, from->lifetime);
		part->baseline = v2m_totals_add(part->baseline, from->baseline);
		part->dirty = true;
	}
}

int v2m_account_merge(struct v2m_account *account, const struct v2m_subject *more,
		      struct v2m_account_undo *undo)
{
	struct v2m_subject *subject;
	struct v2m_part *parts;

	if (get_subject_for_merge(account, more, &subject) ||
	    make_parts(account, subject, &more->parts) || copy_parts(subject, &parts))
		return -ENOMEM;
	*undo = (struct v2m_account_undo){
		.lifetime = subject->lifetime,
		.baseline = subject->baseline,
		.history_baseline = subject->history_baseline,
		.max_connections = subject->max_connections,
		.sessions = subject->sessions,
		.first_seen_us = subject->first_seen_us,
		.last_activity_us = subject->last_activity_us,
		.reset_us = subject->reset_us,
		.parts = parts,
		.n_parts = subject->parts.count,
	};
	v2m_subject_add(subject, more);
	add_parts(subject, &more->parts);
	v2m_account_touch(account, subject);
	return 0;
}

void v2m_account_undo_merge(struct v2m_account *account, const char *id,
			    const struct v2m_account_undo *undo)
{
	struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);

	if (!subject)
		return;
	subject->lifetime = undo->lifetime;
	subject->baseline = undo->baseline;
	subject->history_baseline = undo->history_baseline;
	subject->max_connections = undo->max_connections;
	subject->sessions = undo->sessions;
	subject->first_seen_us = undo->first_seen_us;
	subject->last_activity_us = undo->last_activity_us;
	subject->reset_us = undo->reset_us;
	for (size_t i = 0; i < undo->n_parts; i++) {
		struct v2m_part *part = v2m_parts_find(&subject->parts, undo->parts[i].slot_number);

		if (part)
			*part = undo->parts[i];
	}
	v2m_account_touch(account, subject);
}

void v2m_account_undo_clear(struct v2m_account_undo *undo)
{
	free(undo->parts);
	undo->parts = NULL;
	undo->n_parts = 0;
}
