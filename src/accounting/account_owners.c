// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account_owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/account_state.h"
#include "base/cleanup.h"
#include "base/transport.h"

/* A key on a shared slot, by the name of its owner. */
struct named_key {
	char name[V2M_OWNER_KEY_LEN];
	const struct v2m_key *key;
	struct v2m_subject *subject;
};

static struct v2m_table_key key_of_named(const void *element)
{
	const struct named_key *named = element;

	return (struct v2m_table_key){ named->name, strlen(named->name) };
}

static const struct v2m_table_type named_keys = { sizeof(struct named_key), key_of_named };

static int bind_owner(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_key *key, const struct v2m_slot *slot)
{
	struct named_key named = { .key = key };
	char id[V2M_SUBJECT_LEN];
	size_t n_slots;

	v2m_key_subject(key, id, sizeof(id));
	named.subject = v2m_subjects_find(&account->subjects, id);
	v2m_keyset_slots_of(keyset, key, &n_slots);
	if ((n_slots > 1 || named.subject->parts.count) &&
	    !v2m_parts_make(&named.subject->parts, v2m_slot_number(slot)))
		return -ENOMEM;
	v2m_key_owner_name(key, named.name);
	return v2m_table_find_string(&account->owner_keys, named.name)
		       ? 0
		       : v2m_table_add(&account->owner_keys, &named);
}

int v2m_account_bind_owners(struct v2m_account *account, const struct v2m_keyset *keyset)
{
	int result = 0;

	free(V2M_TAKE(account->flow_owners));
	v2m_table_clear(&account->owner_keys);
	account->owner_keys.type = &named_keys;
	for (size_t i = 0; i < keyset->slots.count && !result; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];

		for (size_t k = 0; slot->n_keys > 1 && k < slot->n_keys && !result; k++)
			result = bind_owner(account, keyset, &keyset->keys[slot->keys[k]], slot);
	}
	return result;
}

/* Makes room in what is pending of the keys of shared slots. 0 or -ENOMEM. */
static int reserve_pending(const struct v2m_account *account)
{
	const struct named_key *named = NULL;
	int result = 0;

	while (!result && (named = v2m_table_next(&account->owner_keys, named)))
		result = v2m_pending_reserve(&named->subject->pending);
	return result;
}

int v2m_account_reserve_owners(struct v2m_account *account, const struct v2m_sample *sample)
{
	int result = v2m_raw_reserve(&account->raw, sample->n_ports + sample->n_owners);

	if (sample->n_owners && !account->flow_owners) {
		account->flow_owners = calloc(V2M_OWNERS_LIMIT, sizeof(*account->flow_owners));
		if (!account->flow_owners)
			return -ENOMEM;
	}
	return result ? result : reserve_pending(account);
}

/* Takes bytes that have an owner now out of what is pending of their slots. What is not there,
 * since the ledger has stored it, is taken out of later bytes. */
static void take_pending(struct v2m_account *account, const struct v2m_local_time *when)
{
	for (size_t i = 0; i < account->keyset->slots.count; i++) {
		struct v2m_subject *slot = account->owners[i].subject;

		if (v2m_totals_are_zero(&slot->owed))
			continue;
		slot->owed = v2m_totals_subtract(
			slot->owed, v2m_pending_take(&slot->pending, when, &slot->owed));
	}
}

static void move_bytes(struct v2m_account *account, const struct v2m_flow_owner *owner,
		       const struct v2m_totals *bytes, int64_t real_us,
		       const struct v2m_local_time *when)
{
	const struct v2m_history_figures figures = { .totals = *bytes };
	struct v2m_subject *rest = owner->rest;
	struct v2m_subject *subject = owner->key;
	struct v2m_part *part = v2m_parts_find(&subject->parts, owner->slot_number);

	if (v2m_totals_are_zero(bytes))
		return;

	if (part) {
		part->lifetime = v2m_totals_add(part->lifetime, *bytes);
		part->dirty = true;
	}
	subject->lifetime = v2m_totals_add(subject->lifetime, *bytes);
	subject->last_activity_us = real_us;
	v2m_pending_add(&subject->pending, when, &figures);
	v2m_account_touch(account, subject);
	rest->lifetime = v2m_totals_subtract(rest->lifetime, *bytes);
	rest->owed = v2m_totals_add(rest->owed, *bytes);
	v2m_account_touch(account, rest);
}

static bool has_key(const struct v2m_keyset *keyset, const struct v2m_slot *slot,
		    const struct v2m_key *key)
{
	for (size_t i = 0; i < slot->n_keys; i++)
		if (&keyset->keys[slot->keys[i]] == key)
			return true;
	return false;
}

/* The owner's counters as the entry of a slot. */
static struct v2m_port_sample entry_of(const struct v2m_owner_sample *owner)
{
	struct v2m_port_sample entry = {
		.port = owner->port,
		.last_port = owner->port,
		.slot = V2M_SLOT_INDEX_OF_OWNER(owner->owner),
		.transports = owner->transports,
		.assigned_ns = owner->assigned_ns,
	};

	if (owner->transports == V2M_TCP) {
		entry.tcp_rx = owner->rx;
		entry.tcp_tx = owner->tx;
	} else {
		entry.udp_rx = owner->rx;
		entry.udp_tx = owner->tx;
	}
	return entry;
}

static void account_owner(struct v2m_account *account, const struct v2m_sample *sample,
			  const struct v2m_owner_sample *owner, const struct v2m_local_time *when)
{
	const struct named_key *named = v2m_table_find_string(&account->owner_keys, owner->key);
	const struct v2m_slot *slot =
		v2m_slots_at(&account->keyset->slots, owner->port,
			     owner->transports == V2M_TCP ? V2M_TCP : V2M_UDP);
	const struct v2m_port_sample entry = entry_of(owner);
	struct v2m_flow_owner *flows = &account->flow_owners[owner->owner];
	struct v2m_raw_delta delta;

	if (!named || !slot || slot->refused || slot->n_keys < 2 ||
	    !has_key(account->keyset, slot, named->key))
		return;
	*flows = (struct v2m_flow_owner){
		.key = named->subject,
		.rest = account->owners[slot - account->keyset->slots.items].subject,
		.slot_number = v2m_slot_number(slot),
		.assigned_ns = owner->assigned_ns,
	};
	if (!v2m_raw_advance(&account->raw, sample, &entry, owner->transports, 0, &delta))
		return;
	account->dirty = true;
	delta.tcp = v2m_totals_add(delta.tcp, delta.udp);
	move_bytes(account, flows, &delta.tcp, sample->real_us, when);
}

void v2m_account_owners(struct v2m_account *account, const struct v2m_sample *sample,
			const struct v2m_local_time *when)
{
	for (size_t i = 0; i < sample->n_owners; i++)
		account_owner(account, sample, &sample->owners[i], when);
	take_pending(account, when);
}

void v2m_account_pass_owners(struct v2m_account *account, const struct v2m_sample *sample)
{
	for (size_t i = 0; i < sample->n_owners; i++) {
		const struct v2m_port_sample entry = entry_of(&sample->owners[i]);
		struct v2m_raw_delta delta;

		v2m_raw_advance(&account->raw, sample, &entry, entry.transports, 0, &delta);
	}
}

const struct v2m_flow_owner *v2m_account_flow_owner(const struct v2m_account *account,
						    uint32_t owner)
{
	if (!account->flow_owners || owner == V2M_NO_OWNER || owner >= V2M_OWNERS_LIMIT)
		return NULL;
	return account->flow_owners[owner].key ? &account->flow_owners[owner] : NULL;
}

static void move_sessions(struct v2m_account *account, const struct v2m_flow_owner *owner,
			  uint32_t opened, const struct v2m_local_time *when)
{
	const struct v2m_history_figures figures = { .sessions = opened };

	if (!opened)
		return;
	owner->key->sessions = v2m_counter_add(owner->key->sessions, opened);
	v2m_pending_add(&owner->key->pending, when, &figures);
	v2m_account_touch(account, owner->key);
	owner->rest->owed_sessions += opened;
}

int v2m_account_labelled_sessions(struct v2m_account *account, const uint32_t *owners, size_t count,
				  int64_t real_us)
{
	const struct v2m_local_time when = v2m_local_time_at(real_us);

	if (reserve_pending(account))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct v2m_flow_owner *owner = v2m_account_flow_owner(account, owners[i]);

		if (owner)
			move_sessions(account, owner, 1, &when);
	}
	return 0;
}

uint32_t v2m_account_advance_owner(struct v2m_account *account,
				   const struct v2m_owner_sessions *owner,
				   struct v2m_totals *delivered)
{
	const uint32_t number = V2M_SESSIONS_OF_OWNER(owner->owner);
	const struct v2m_port_sessions reading = {
		.assigned_ns = owner->assigned_ns,
		.opened = owner->counts.opened,
		.delivered = { .assigned_ns = owner->assigned_ns,
			       .rx_bytes = owner->counts.rx_bytes,
			       .tx_bytes = owner->counts.tx_bytes },
	};

	*delivered = (struct v2m_totals){ 0 };
	/* The ledger needs no row for it. */
	if (!owner->counts.opened && !owner->counts.rx_bytes && !owner->counts.tx_bytes)
		return 0;
	v2m_raw_advance_delivered(&account->raw, number, &reading, delivered);
	return v2m_raw_advance_sessions(&account->raw, number, &reading);
}

/* An owner of another identity is that of an earlier or a later key. */
static const struct v2m_flow_owner *find_owner(const struct v2m_account *account,
					       const struct v2m_owner_sessions *sessions)
{
	const struct v2m_flow_owner *owner = v2m_account_flow_owner(account, sessions->owner);

	return owner && owner->assigned_ns == sessions->assigned_ns ? owner : NULL;
}

int v2m_account_owner_sessions(struct v2m_account *account, const struct v2m_owner_sessions *owners,
			       size_t count, int64_t real_us)
{
	const struct v2m_local_time when = v2m_local_time_at(real_us);

	if (!account->flow_owners)
		return 0;
	if (reserve_pending(account) || v2m_slot_items_reserve(&account->raw.sessions, count))
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct v2m_flow_owner *owner = find_owner(account, &owners[i]);
		struct v2m_totals delivered;
		uint32_t opened;

		if (!owner)
			continue;
		opened = v2m_account_advance_owner(account, &owners[i], &delivered);
		move_bytes(account, owner, &delivered, real_us, &when);
		move_sessions(account, owner, opened, &when);
	}
	take_pending(account, &when);
	return 0;
}
