// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account_aside.h"

#include <errno.h>

#include "accounting/account_owners.h"
#include "accounting/account_state.h"
#include "base/transport.h"

/* There is room for one more. Slots that differ by their transports have the same port. */
static struct v2m_aside *make_aside(struct v2m_account *account,
				    const struct v2m_port_sample *entry, int64_t found_us)
{
	struct v2m_aside *made;

	for (size_t i = account->asides.count; i-- > 0;) {
		struct v2m_aside *known = &account->asides.items[i];

		if (known->found_us == found_us && known->port == entry->port)
			return known;
	}
	made = &account->asides.items[account->asides.count++];
	*made = (struct v2m_aside){ .port = entry->port, .found_us = found_us };
	return made;
}

static void set_entry_aside(struct v2m_account *account, const struct v2m_sample *sample,
			    const struct v2m_port_sample *entry)
{
	struct v2m_raw_delta delta;
	struct v2m_totals totals;
	struct v2m_aside *aside;

	if (!v2m_raw_advance(&account->raw, sample, entry, V2M_TCP | V2M_UDP, 0, &delta))
		return;
	totals = v2m_totals_add(delta.tcp, delta.udp);
	if (v2m_totals_are_zero(&totals))
		return;
	aside = make_aside(account, entry, sample->real_us);
	if (aside->last_port < entry->last_port)
		aside->last_port = entry->last_port;
	aside->totals = v2m_totals_add(aside->totals, totals);
	aside->dirty = true;
}

int v2m_account_set_aside(struct v2m_account *account, const struct v2m_sample *sample)
{
	if (v2m_raw_reserve_sample(&account->raw, sample) ||
	    v2m_raw_reserve(&account->raw, sample->n_ports + sample->n_owners) ||
	    v2m_array_reserve(&account->asides, sample->n_ports))
		return -ENOMEM;
	for (size_t i = 0; i < account->raw.overlaps.count; i++) {
		struct v2m_socket_overlap *overlap = v2m_slot_items_at(&account->raw.overlaps, i);

		overlap->counted = (struct v2m_totals){ 0 };
		overlap->dirty = true;
	}
	account->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++)
		set_entry_aside(account, sample, &sample->ports[i]);
	/* A part of the bytes of these ports. */
	v2m_account_pass_owners(account, sample);
	account->dirty = true;
	return 0;
}

int v2m_account_set_sessions_aside(struct v2m_account *account,
				   const struct v2m_port_sessions *opened, size_t n_opened,
				   const struct v2m_owner_sessions *owners, size_t n_owners)
{
	struct v2m_totals delivered;

	if (v2m_slot_items_reserve(&account->raw.sessions, n_opened + n_owners))
		return -ENOMEM;
	for (size_t i = 0; i < n_opened; i++) {
		v2m_raw_advance_sessions(&account->raw, opened[i].port, &opened[i]);
		v2m_raw_advance_delivered(&account->raw, opened[i].port, &opened[i], &delivered);
	}
	for (size_t i = 0; i < n_owners; i++)
		v2m_account_advance_owner(account, &owners[i], &delivered);
	account->dirty = true;
	return 0;
}

const struct v2m_aside *v2m_account_asides(const struct v2m_account *account, size_t *count)
{
	*count = account->asides.count;
	return account->asides.items;
}

int v2m_account_restore_aside(struct v2m_account *account, const struct v2m_aside *aside)
{
	struct v2m_aside stored = *aside;

	stored.dirty = false;
	return v2m_array_add(&account->asides, stored);
}
