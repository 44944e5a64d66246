// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fills in the totals of a snapshot: what each key counted in each slot. */
#include <errno.h>
#include <stdlib.h>

#include "accounting/account.h"
#include "accounting/account_state.h"

/* How many shares the keys of the set have together. */
static size_t count_shares(const struct v2m_keyset *keyset)
{
	size_t sum = 0;

	for (size_t i = 0; i < keyset->n_keys; i++) {
		size_t count;

		v2m_keyset_slots_of(keyset, &keyset->keys[i], &count);
		sum += count;
	}
	return sum;
}

/* 0 or -ENOMEM, with nothing allocated. */
static int allocate_views(struct v2m_snapshot *snapshot)
{
	const struct v2m_keyset *keyset = snapshot->keyset;

	snapshot->slots = calloc(keyset->slots.count + 1, sizeof(*snapshot->slots));
	snapshot->keys = calloc(keyset->n_keys + 1, sizeof(*snapshot->keys));
	snapshot->shares = calloc(count_shares(keyset) + 1, sizeof(*snapshot->shares));
	if (snapshot->slots && snapshot->keys && snapshot->shares)
		return 0;
	free(snapshot->slots);
	free(snapshot->keys);
	free(snapshot->shares);
	snapshot->slots = NULL;
	snapshot->keys = NULL;
	snapshot->shares = NULL;
	return -ENOMEM;
}

static struct v2m_totals part_since_reset(const struct v2m_subject *subject,
					  const struct v2m_slot *slot)
{
	const struct v2m_part *part = v2m_parts_find(&subject->parts, v2m_slot_number(slot));

	return part ? v2m_totals_subtract(part->lifetime, part->baseline)
		    : (struct v2m_totals){ 0 };
}

/* The first slot that is counted gets everything that is in no part: the bytes of slots that the
 * key has lost, and those of the time when it had one slot. A part is limited by what is left,
 * because it may be more than totals that stand at V2M_COUNTER_MAX. */
static void fill_shares(const struct v2m_keyset *keyset, const struct v2m_subject *subject,
			struct v2m_totals since_reset, struct v2m_share *shares, size_t count)
{
	const struct v2m_slot *items = keyset->slots.items;
	size_t first = 0;

	while (first + 1 < count && items[shares[first].slot].refused)
		first++;
	if (items[shares[first].slot].refused)
		first = 0;
	for (size_t i = 0; i < count; i++) {
		struct v2m_totals part;

		if (i == first)
			continue;
		part = part_since_reset(subject, &items[shares[i].slot]);
		shares[i].since_reset = v2m_totals_limit(part, since_reset);
		since_reset = v2m_totals_subtract(since_reset, shares[i].since_reset);
	}
	shares[first].since_reset = since_reset;
}

/* Fills in what no reset touches. A key without parts has counted everything in its only slot. */
static void fill_ever(const struct v2m_keyset *keyset, const struct v2m_subject *subject,
		      struct v2m_share *shares, struct v2m_key_view *view)
{
	struct v2m_totals rest = subject->lifetime;

	if (subject->parts.count == 0 && view->n_shares == 1) {
		shares[0].ever = rest;
		return;
	}
	for (size_t i = 0; i < subject->parts.count; i++)
		rest = v2m_totals_subtract(rest, subject->parts.items[i].lifetime);
	view->ever_elsewhere = rest;
	for (size_t i = 0; i < view->n_shares; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[shares[i].slot];
		const struct v2m_part *part =
			v2m_parts_find(&subject->parts, v2m_slot_number(slot));

		if (part)
			shares[i].ever = part->lifetime;
	}
}

static void fill_key(const struct v2m_account *account, const struct v2m_keyset *keyset,
		     const struct v2m_key *key, struct v2m_share *shares, struct v2m_key_view *view)
{
	const struct v2m_subject *subject;
	char id[V2M_SUBJECT_LEN];
	const size_t *slots = v2m_keyset_slots_of(keyset, key, &view->n_shares);

	view->shares = shares;
	for (size_t i = 0; i < view->n_shares; i++)
		shares[i].slot = slots[i];
	v2m_key_subject(key, id, sizeof(id));
	subject = v2m_subjects_find(&account->subjects, id);
	if (!subject)
		return;
	view->since_reset = v2m_subject_since_reset(subject);
	view->lifetime = v2m_subject_history(subject);
	view->reset_us = subject->reset_us;
	fill_ever(keyset, subject, shares, view);
	if (view->n_shares)
		fill_shares(keyset, subject, view->since_reset, shares, view->n_shares);
}

/* Fills in what was counted for a shared slot, or for one behind another, and not for a key. */
static void fill_unattributed(const struct v2m_account *account, const struct v2m_keyset *keyset,
			      const struct v2m_slot *slot, struct v2m_slot_view *view)
{
	const struct v2m_subject *subject;
	char id[V2M_SUBJECT_LEN];

	if (slot->n_keys == 1 && !slot->behind)
		return;
	v2m_keyset_subject(keyset, slot, id, sizeof(id));
	subject = v2m_subjects_find(&account->subjects, id);
	if (subject) {
		view->unattributed = v2m_subject_since_reset(subject);
		view->unattributed_lifetime = v2m_subject_history(subject);
		view->unattributed_ever = subject->lifetime;
	}
	view->since_reset = view->unattributed;
}

/* Whether the subject has counted anything, apart from what resets have closed. */
static bool has_figures(const struct v2m_account *account, const char *id)
{
	const struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);
	struct v2m_totals since_reset;
	struct v2m_totals history;

	if (!subject)
		return false;
	since_reset = v2m_subject_since_reset(subject);
	history = v2m_subject_history(subject);
	return !v2m_totals_are_zero(&since_reset) || !v2m_totals_are_zero(&history);
}

bool v2m_account_knows_bytes(const struct v2m_account *account, const struct v2m_keyset *keyset,
			     const struct v2m_key *key)
{
	char id[V2M_SUBJECT_LEN];
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(keyset, key, &count);

	if (!v2m_keyset_shares(keyset, key))
		return true;
	for (size_t i = 0; i < count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[slots[i]];

		if (slot->n_keys == 1)
			continue;
		v2m_keyset_subject(keyset, slot, id, sizeof(id));
		if (has_figures(account, id))
			return false;
	}
	v2m_key_subject(key, id, sizeof(id));
	return has_figures(account, id);
}

int v2m_account_fill(const struct v2m_account *account, struct v2m_snapshot *snapshot)
{
	const struct v2m_keyset *keyset = snapshot->keyset;
	struct v2m_share *shares;

	if (allocate_views(snapshot))
		return -ENOMEM;
	shares = snapshot->shares;
	for (size_t i = 0; i < keyset->slots.count; i++)
		fill_unattributed(account, keyset, &keyset->slots.items[i], &snapshot->slots[i]);
	for (size_t i = 0; i < keyset->n_keys; i++) {
		struct v2m_key_view *view = &snapshot->keys[i];

		fill_key(account, keyset, &keyset->keys[i], shares, view);
		for (size_t k = 0; k < view->n_shares; k++) {
			struct v2m_totals *sum = &snapshot->slots[shares[k].slot].since_reset;

			*sum = v2m_totals_add(*sum, shares[k].since_reset);
		}
		shares += view->n_shares;
	}
	return 0;
}
