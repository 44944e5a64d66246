// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes over what the ledger has stored, and shows the ledger what it has to store. */
#include <errno.h>

#include "accounting/account.h"
#include "accounting/account_state.h"

int v2m_account_restore_subject(struct v2m_account *account, const struct v2m_subject *subject)
{
	struct v2m_subject stored = *subject;
	struct v2m_subject *inserted;

	if (v2m_subjects_find(&account->subjects, subject->id))
		return -EEXIST;
	stored.dirty = false;
	return v2m_subjects_insert(&account->subjects, &stored, &inserted);
}

int v2m_account_restore_part(struct v2m_account *account, const char *subject,
			     const struct v2m_part *part)
{
	struct v2m_subject *owner = v2m_subjects_find(&account->subjects, subject);
	struct v2m_part *made;

	if (!owner)
		return -ENOENT;
	if (v2m_parts_find(&owner->parts, part->slot_number))
		return -EEXIST;
	made = v2m_parts_make(&owner->parts, part->slot_number);
	if (!made)
		return -ENOMEM;
	*made = *part;
	made->dirty = false;
	return 0;
}

int v2m_account_restore_alias(struct v2m_account *account, const char *name, const char *subject)
{
	struct v2m_subject *owner = v2m_subjects_find(&account->subjects, subject);
	struct v2m_alias *alias;

	if (!owner)
		return -ENOENT;
	if (v2m_aliases_find(&account->aliases, name))
		return -EEXIST;
	if (v2m_aliases_put(&account->aliases, name, owner))
		return -ENOMEM;
	alias = v2m_aliases_find(&account->aliases, name);
	alias->is_new = false;
	alias->dirty = false;
	return 0;
}

int v2m_account_restore_raw(struct v2m_account *account, const struct v2m_raw_port *raw)
{
	struct v2m_raw_port stored = *raw;

	if (v2m_raw_find(&account->raw, raw->raw.slot, raw->epoch))
		return -EEXIST;
	if (v2m_raw_reserve(&account->raw, 1))
		return -ENOMEM;
	stored.dirty = false;
	v2m_raw_insert(&account->raw, &stored);
	return 0;
}

/* Whether the list has an item with this slot number, or the number is not valid. */
static bool is_known_or_invalid(const struct v2m_slot_items *list, uint32_t slot_number)
{
	return slot_number == 0 || slot_number >= V2M_SLOT_NUMBERS ||
	       v2m_slot_items_find(list, slot_number);
}

int v2m_account_restore_overlap(struct v2m_account *account,
				const struct v2m_socket_overlap *overlap)
{
	struct v2m_socket_overlap *item;

	if (is_known_or_invalid(&account->raw.overlaps, overlap->slot_number))
		return -EEXIST;
	item = v2m_slot_items_add(&account->raw.overlaps, overlap->slot_number);
	if (!item)
		return -ENOMEM;
	*item = *overlap;
	item->dirty = false;
	return 0;
}

int v2m_account_restore_sessions(struct v2m_account *account,
				 const struct v2m_accounted_sessions *reading)
{
	struct v2m_accounted_sessions *item;

	if (is_known_or_invalid(&account->raw.sessions, reading->slot_number))
		return -EEXIST;
	item = v2m_slot_items_add(&account->raw.sessions, reading->slot_number);
	if (!item)
		return -ENOMEM;
	*item = *reading;
	item->dirty = false;
	return 0;
}

int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->subjects.list.count && result == 0; i++)
		result = visit(account->subjects.list.items[i], context);
	return result;
}

int v2m_account_each_alias(const struct v2m_account *account, v2m_alias_visitor visit,
			   void *context)
{
	const struct v2m_alias *alias = NULL;
	int result = 0;

	while (result == 0 && (alias = v2m_aliases_next(&account->aliases, alias)))
		result = visit(alias, context);
	return result;
}

int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->raw.raw.count && result == 0; i++)
		result = visit(&account->raw.raw.items[i], context);
	return result;
}

int v2m_account_each_aside(const struct v2m_account *account, v2m_aside_visitor visit,
			   void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->asides.count && result == 0; i++)
		result = visit(&account->asides.items[i], context);
	return result;
}

int v2m_account_each_overlap(const struct v2m_account *account, v2m_overlap_visitor visit,
			     void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->raw.overlaps.count && result == 0; i++)
		result = visit(v2m_slot_items_at(&account->raw.overlaps, i), context);
	return result;
}

int v2m_account_each_sessions(const struct v2m_account *account, v2m_sessions_visitor visit,
			      void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->raw.sessions.count && result == 0; i++)
		result = visit(v2m_slot_items_at(&account->raw.sessions, i), context);
	return result;
}

static void mark_subjects(struct v2m_account *account, bool dirty)
{
	for (size_t i = 0; i < account->subjects.list.count; i++) {
		struct v2m_subject *subject = account->subjects.list.items[i];

		subject->dirty = dirty;
		for (size_t k = 0; k < subject->parts.count; k++)
			subject->parts.items[k].dirty = dirty;
	}
}

static void mark_all(struct v2m_account *account, bool dirty)
{
	struct v2m_raw_ports *raw = &account->raw;
	struct v2m_alias *alias = NULL;

	mark_subjects(account, dirty);
	while ((alias = v2m_aliases_next(&account->aliases, alias)))
		alias->dirty = dirty;
	for (size_t i = 0; i < account->asides.count; i++)
		account->asides.items[i].dirty = dirty;
	for (size_t i = 0; i < raw->raw.count; i++)
		raw->raw.items[i].dirty = dirty;
	for (size_t i = 0; i < raw->overlaps.count; i++)
		((struct v2m_socket_overlap *)v2m_slot_items_at(&raw->overlaps, i))->dirty = dirty;
	for (size_t i = 0; i < raw->sessions.count; i++)
		((struct v2m_accounted_sessions *)v2m_slot_items_at(&raw->sessions, i))->dirty =
			dirty;
	account->dirty = dirty;
}

void v2m_account_mark_stored(struct v2m_account *account)
{
	struct v2m_alias *alias = NULL;

	for (size_t i = 0; i < account->subjects.list.count; i++)
		v2m_pending_clear(&account->subjects.list.items[i]->pending);
	while ((alias = v2m_aliases_next(&account->aliases, alias)))
		alias->is_new = false;
	mark_all(account, false);
}

/* The new file gets the present number of connections, too. */
void v2m_account_mark_lost(struct v2m_account *account)
{
	for (size_t i = 0; i < account->subjects.list.count; i++)
		account->subjects.list.items[i]->noted_connections = 0;
	mark_all(account, true);
}
