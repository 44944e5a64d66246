// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account_binding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/account_join.h"
#include "accounting/account_owners.h"
#include "accounting/account_state.h"
#include "base/cleanup.h"

/* Finds the subject of that name, or makes a new one. */
static int get_subject(struct v2m_account *account, char *id, int64_t real_us,
		       struct v2m_subject **subject)
{
	const struct v2m_subject fresh = { .id = id, .first_seen_us = real_us };
	int result;

	*subject = v2m_subjects_find(&account->subjects, id);
	if (*subject)
		return 0;
	result = v2m_subjects_insert(&account->subjects, &fresh, subject);
	if (result == 0)
		v2m_account_touch(account, *subject);
	return result;
}

/* Notes the key's present name and first port in its subject. */
static int note_key(struct v2m_account *account, struct v2m_subject *subject,
		    const struct v2m_key *key)
{
	const uint16_t port = v2m_key_port(key);
	bool renamed = key->name && (!subject->name || strcmp(subject->name, key->name) != 0);
	bool moved = port && subject->port != port;
	char *name = renamed ? strdup(key->name) : NULL;

	if (renamed && !name)
		return -ENOMEM;
	if (renamed) {
		free(subject->name);
		subject->name = name;
	}
	if (moved)
		subject->port = port;
	if (renamed || moved)
		v2m_account_touch(account, subject);
	return 0;
}

static bool slot_has_key(const struct v2m_keyset *keyset, const struct v2m_slot *slot,
			 const struct v2m_key *key)
{
	for (size_t i = 0; slot && i < slot->n_keys; i++)
		if (&keyset->keys[slot->keys[i]] == key)
			return true;
	return false;
}

/* The number of the key's slot at this port. 0: the key has none there. */
static uint32_t find_slot_number(const struct v2m_keyset *keyset, const struct v2m_key *key,
				 uint16_t port)
{
	const struct v2m_slot *tcp = v2m_slots_at(&keyset->slots, port, V2M_TCP);
	const struct v2m_slot *udp = v2m_slots_at(&keyset->slots, port, V2M_UDP);

	if (slot_has_key(keyset, tcp, key))
		return v2m_slot_number(tcp);
	return slot_has_key(keyset, udp, key) ? v2m_slot_number(udp) : 0;
}

/* Whether the name is the subject of a key. Such a key keeps its totals, even if the name is an
 * alias of another key. */
static bool is_subject_of_key(const struct v2m_keyset *keyset, const char *name)
{
	char id[V2M_SUBJECT_LEN];

	for (size_t i = 0; i < keyset->n_keys; i++) {
		v2m_key_subject(&keyset->keys[i], id, sizeof(id));
		if (strcmp(id, name) == 0)
			return true;
	}
	return false;
}

/* Whether the ledger still has totals under the alias that no key of the set claims. */
static bool is_to_be_joined(const struct v2m_account *account, const struct v2m_keyset *keyset,
			    const char *alias)
{
	return v2m_subjects_find(&account->subjects, alias) && !is_subject_of_key(keyset, alias);
}

/* Makes the first part of a key that had one slot until now: all its totals are those of that slot.
 * 0 or -ENOMEM. */
static int begin_parts(struct v2m_account *account, const struct v2m_keyset *keyset,
		       const struct v2m_key *key, struct v2m_subject *subject)
{
	uint32_t slot_number = find_slot_number(keyset, key, subject->port);
	struct v2m_part *part;

	if (subject->parts.count || !slot_number || v2m_totals_are_zero(&subject->lifetime))
		return 0;
	part = v2m_parts_make(&subject->parts, slot_number);
	if (!part)
		return -ENOMEM;
	part->lifetime = subject->lifetime;
	part->baseline = subject->baseline;
	part->dirty = true;
	v2m_account_touch(account, subject);
	return 0;
}

/* Joins the subjects of all aliases of a key into its own. 0 or -ENOMEM. */
static int join_aliases(struct v2m_account *account, const struct v2m_keyset *keyset,
			const struct v2m_key *key, struct v2m_subject *subject)
{
	int result = 0;

	for (size_t i = 0; i < key->aliases.count && result == 0; i++) {
		const char *alias = key->aliases.items[i];
		uint16_t port;

		if (!is_to_be_joined(account, keyset, alias))
			continue;
		port = v2m_subjects_find(&account->subjects, alias)->port;
		result = begin_parts(account, keyset, key, subject);
		if (result == 0)
			result = v2m_account_join(account, alias, subject->id,
						  find_slot_number(keyset, key, port));
	}
	return result;
}

static int bind_key(struct v2m_account *account, const struct v2m_keyset *keyset,
		    const struct v2m_key *key, int64_t real_us)
{
	struct v2m_subject *subject;
	char id[V2M_SUBJECT_LEN];
	size_t n_slots;
	int result;

	v2m_key_subject(key, id, sizeof(id));
	v2m_keyset_slots_of(keyset, key, &n_slots);
	result = get_subject(account, id, real_us, &subject);
	if (result == 0)
		result = join_aliases(account, keyset, key, subject);
	if (result == 0 && n_slots > 1)
		result = begin_parts(account, keyset, key, subject);
	return result ? result : note_key(account, subject, key);
}

/* Whether the bytes of a slot also go to a part: its only key has several slots, or had them. */
static bool needs_part(const struct v2m_keyset *keyset, const struct v2m_slot *slot,
		       const struct v2m_subject *owner)
{
	const struct v2m_key *key = v2m_keyset_owner(keyset, slot);
	size_t n_slots;

	if (!key || slot->behind)
		return false;
	v2m_keyset_slots_of(keyset, key, &n_slots);
	return n_slots > 1 || owner->parts.count > 0;
}

/* Finds or makes the subject of a slot, and the part of its key. 0 or -ENOMEM. */
static int bind_slot(struct v2m_account *account, const struct v2m_keyset *keyset,
		     const struct v2m_slot *slot, int64_t real_us, struct v2m_slot_owner *owner)
{
	char id[V2M_SUBJECT_LEN];
	int result;

	v2m_keyset_subject(keyset, slot, id, sizeof(id));
	result = get_subject(account, id, real_us, &owner->subject);
	if (result)
		return result;
	if (!v2m_keyset_owner(keyset, slot) || slot->behind)
		owner->subject->port = slot->first_port;
	else if (needs_part(keyset, slot, owner->subject) &&
		 !v2m_parts_make(&owner->subject->parts, v2m_slot_number(slot)))
		return -ENOMEM;
	return 0;
}

/* Notes the places of the parts, which stay the same after all parts are made. */
static void note_parts(const struct v2m_keyset *keyset, struct v2m_slot_owner *owners)
{
	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];
		struct v2m_key_parts *parts = &owners[i].subject->parts;

		if (needs_part(keyset, slot, owners[i].subject))
			owners[i].part = 1 + (size_t)(v2m_parts_find(parts, v2m_slot_number(slot)) -
						      parts->items);
	}
}

/* Does nothing for the last key set. The comparison of pointers is safe: the account holds a
 * reference, so no other key set can get this address. The cast only counts references; the key set
 * does not change. */
int v2m_account_bind(struct v2m_account *account, const struct v2m_keyset *keyset, int64_t real_us)
{
	V2M_FREE struct v2m_slot_owner *owners = NULL;
	int result = 0;

	if (account->keyset == keyset)
		return 0;
	/* New parts move the others, so that the places in the old owners are wrong. */
	v2m_account_unbind(account);
	owners = calloc(keyset->slots.count + 1, sizeof(*owners));
	if (!owners)
		return -ENOMEM;
	for (size_t i = 0; i < keyset->n_keys && result == 0; i++)
		result = bind_key(account, keyset, &keyset->keys[i], real_us);
	for (size_t i = 0; i < keyset->slots.count && result == 0; i++)
		result = bind_slot(account, keyset, &keyset->slots.items[i], real_us, &owners[i]);
	if (result == 0)
		result = v2m_account_bind_owners(account, keyset);
	if (result)
		return result;
	note_parts(keyset, owners);
	account->keyset = v2m_keyset_ref((struct v2m_keyset *)keyset);
	account->owners = V2M_TAKE(owners);
	return 0;
}

int v2m_account_reserve_pending(struct v2m_account *account)
{
	for (size_t i = 0; i < account->keyset->slots.count; i++)
		if (v2m_pending_reserve(&account->owners[i].subject->pending))
			return -ENOMEM;
	return 0;
}

int v2m_account_begin_parts(struct v2m_account *account, struct v2m_subject *subject)
{
	const struct v2m_keyset *keyset = account->keyset;
	char id[V2M_SUBJECT_LEN];

	for (size_t i = 0; keyset && i < keyset->n_keys; i++) {
		v2m_key_subject(&keyset->keys[i], id, sizeof(id));
		if (strcmp(id, subject->id) == 0)
			return begin_parts(account, keyset, &keyset->keys[i], subject);
	}
	return 0;
}
