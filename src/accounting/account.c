// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/account_owners.h"
#include "accounting/account_state.h"

struct v2m_account *v2m_account_new(void)
{
	struct v2m_account *account = calloc(1, sizeof(*account));

	if (account)
		v2m_raw_init(&account->raw);
	return account;
}

void v2m_account_free(struct v2m_account *account)
{
	if (!account)
		return;
	v2m_account_unbind(account);
	v2m_table_clear(&account->owner_keys);
	free(account->flow_owners);
	v2m_aliases_clear(&account->aliases);
	v2m_subjects_clear(&account->subjects);
	v2m_session_set_clear(&account->connections);
	v2m_raw_clear(&account->raw);
	v2m_array_clear(&account->asides);
	free(account);
}

const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id)
{
	return v2m_subjects_find(&account->subjects, id);
}

/* The slot of the last key set that gets what a port counts by one transport. NULL: none does. */
static const struct v2m_slot *find_slot(const struct v2m_account *account, uint16_t port,
					enum v2m_transport transport)
{
	const struct v2m_slot *slot = v2m_slots_at(&account->keyset->slots, port, transport);

	return slot && !slot->refused ? slot : NULL;
}

void v2m_account_add_to_slot(struct v2m_account *account, const struct v2m_slot *slot,
			     const struct v2m_totals *delta, int64_t real_us,
			     const struct v2m_local_time *when)
{
	const struct v2m_history_figures figures = { .totals = *delta };
	const struct v2m_slot_owner *owner = &account->owners[slot - account->keyset->slots.items];
	struct v2m_subject *subject = owner->subject;

	if (v2m_totals_are_zero(delta))
		return;
	if (owner->part) {
		struct v2m_part *part = &subject->parts.items[owner->part - 1];

		part->lifetime = v2m_totals_add(part->lifetime, *delta);
		part->dirty = true;
	}
	subject->lifetime = v2m_totals_add(subject->lifetime, *delta);
	subject->last_activity_us = real_us;
	v2m_pending_add(&subject->pending, when, &figures);
	v2m_account_touch(account, subject);
}

static void account_entry(struct v2m_account *account, const struct v2m_sample *sample,
			  const struct v2m_port_sample *entry, const struct v2m_local_time *when)
{
	const struct v2m_slot *tcp;
	const struct v2m_slot *udp;
	struct v2m_raw_delta delta;

	if (v2m_raw_is_same(&account->raw, sample, entry))
		return;
	tcp = find_slot(account, entry->port, V2M_TCP);
	udp = find_slot(account, entry->port, V2M_UDP);
	if (!tcp && !udp)
		return;
	if (!v2m_raw_advance(&account->raw, sample, entry,
			     (tcp ? V2M_TCP : 0) | (udp ? V2M_UDP : 0),
			     tcp ? v2m_slot_number(tcp) : 0, &delta))
		return;
	account->dirty = true;
	if (tcp == udp) {
		delta.tcp = v2m_totals_add(delta.tcp, delta.udp);
		udp = NULL;
	}
	if (tcp)
		v2m_account_add_to_slot(account, tcp, &delta.tcp, sample->real_us, when);
	if (udp)
		v2m_account_add_to_slot(account, udp, &delta.udp, sample->real_us, when);
}

int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample)
{
	const struct v2m_local_time when = v2m_local_time_at(sample->real_us);

	/* All counters of an older sample would seem to have gone backwards. */
	if (sample->mono_ns < account->mono_ns)
		return -ESTALE;
	/* Everything that can fail comes before the first byte is accounted. */
	if (v2m_account_bind(account, keyset, sample->real_us) ||
	    v2m_raw_reserve_sample(&account->raw, sample) ||
	    v2m_account_reserve_owners(account, sample) || v2m_account_reserve_pending(account))
		return -ENOMEM;
	account->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		account_entry(account, sample, &sample->ports[i], &when);
	v2m_account_owners(account, sample, &when);
	v2m_raw_finish_sample(&account->raw);
	return 0;
}

bool v2m_account_is_dirty(const struct v2m_account *account)
{
	return account->dirty;
}
