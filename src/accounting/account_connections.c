// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Accounts dumps of connections: how many each subject has, and how many were opened. */
#include <errno.h>
#include <stdlib.h>

#include "accounting/account.h"
#include "accounting/account_owners.h"
#include "accounting/account_state.h"

/* A number that was noted in this hour is not noted again: every key with a connection would be
 * written at every flush. */
static void account_subject_connections(struct v2m_account *account, struct v2m_subject *subject,
					const struct v2m_local_time *when)
{
	const struct v2m_history_figures figures = {
		.max_connections = subject->connections,
		.sessions = subject->opened,
	};
	bool known = v2m_is_same_hour(&subject->noted, when) &&
		     figures.max_connections <= subject->noted_connections;

	if (figures.max_connections > subject->max_connections)
		subject->max_connections = figures.max_connections;
	if ((known || figures.max_connections == 0) && figures.sessions == 0)
		return;
	if (!known) {
		subject->noted = *when;
		subject->noted_connections = figures.max_connections;
	}
	subject->sessions = v2m_counter_add(subject->sessions, figures.sessions);
	v2m_pending_add(&subject->pending, when, &figures);
	v2m_account_touch(account, subject);
}

static int compare_port_with_sessions(const void *port, const void *element)
{
	return (int)*(const uint16_t *)port -
	       (int)((const struct v2m_port_sessions *)element)->port;
}

/* The reading of the slot with this first port. NULL: there is none. */
static const struct v2m_port_sessions *find_reading(const struct v2m_port_sessions *readings,
						    size_t n_readings, uint16_t port)
{
	return n_readings ? bsearch(&port, readings, n_readings, sizeof(*readings),
				    compare_port_with_sessions)
			  : NULL;
}

/* The openings of the slot with this first port that were not accounted yet. */
static uint32_t count_opened(struct v2m_account *account, const struct v2m_port_sessions *opened,
			     size_t n_opened, uint16_t port)
{
	const struct v2m_port_sessions *found = find_reading(opened, n_opened, port);

	return found ? v2m_raw_advance_sessions(&account->raw, port, found) : 0;
}

/* Gives the connections of a shared slot to their owners, and returns how many have none. */
static size_t share_connections(const struct v2m_account *account,
				const struct v2m_connection *connections, size_t count)
{
	size_t rest = 0;

	for (size_t i = 0; i < count; i++) {
		const struct v2m_flow_owner *owner =
			v2m_account_flow_owner(account, connections[i].owner);

		if (owner)
			owner->key->connections++;
		else
			rest++;
	}
	return rest;
}

/* Takes out of the openings of a shared slot those that its keys have already. */
static void pay_sessions(struct v2m_subject *subject)
{
	uint64_t paid =
		subject->owed_sessions < subject->opened ? subject->owed_sessions : subject->opened;

	subject->opened -= paid;
	subject->owed_sessions -= paid;
}

/* Clears the numbers of all subjects, also of those whose key has no slot any more. */
static void forget_last_dump(struct v2m_account *account)
{
	for (size_t i = 0; i < account->subjects.list.count; i++) {
		account->subjects.list.items[i]->connections = 0;
		account->subjects.list.items[i]->opened = 0;
	}
}

int v2m_account_connections(struct v2m_account *account, const struct v2m_keyset *keyset,
			    const struct v2m_connection_table *table,
			    const struct v2m_port_sessions *opened, size_t n_opened,
			    int64_t real_us)
{
	const struct v2m_local_time when = v2m_local_time_at(real_us);
	struct v2m_session_set now = { 0 };

	if (v2m_account_bind(account, keyset, real_us) || v2m_account_reserve_pending(account) ||
	    v2m_slot_items_reserve(&account->raw.sessions, n_opened))
		return -ENOMEM;
	/* If the openings are counted elsewhere, dumps need not be compared: sorting 100,000
	 * connections is a tenth of a pass. */
	if (!opened && v2m_session_set_make(table, &now))
		return -ENOMEM;
	forget_last_dump(account);
	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];
		struct v2m_subject *subject = account->owners[i].subject;
		const struct v2m_connection *connections;
		size_t count;

		if (!(slot->transports & V2M_TCP))
			continue;
		connections = v2m_connection_table_slot(table, slot->first_port, &count);
		subject->connections +=
			(uint32_t)(slot->n_keys > 1 ? share_connections(account, connections, count)
						    : count);
		subject->opened +=
			opened ? count_opened(account, opened, n_opened, slot->first_port)
			       : v2m_session_set_count_new(&account->connections, connections,
							   count);
		pay_sessions(subject);
	}
	/* Only now the sums over all slots of each key are complete. */
	for (size_t i = 0; i < account->subjects.list.count; i++)
		account_subject_connections(account, account->subjects.list.items[i], &when);
	v2m_session_set_clear(&account->connections);
	account->connections = now;
	return 0;
}

int v2m_account_delivered(struct v2m_account *account, const struct v2m_keyset *keyset,
			  const struct v2m_port_sessions *readings, size_t n_readings,
			  int64_t real_us)
{
	const struct v2m_local_time when = v2m_local_time_at(real_us);

	if (v2m_account_bind(account, keyset, real_us) || v2m_account_reserve_pending(account) ||
	    v2m_slot_items_reserve(&account->raw.sessions, n_readings))
		return -ENOMEM;
	for (size_t i = 0; i < keyset->slots.count; i++) {
		const struct v2m_slot *slot = &keyset->slots.items[i];
		const struct v2m_port_sessions *reading =
			slot->transports & V2M_TCP
				? find_reading(readings, n_readings, slot->first_port)
				: NULL;
		struct v2m_totals delta;

		if (!reading)
			continue;
		v2m_raw_advance_delivered(&account->raw, slot->first_port, reading, &delta);
		v2m_account_add_to_slot(account, slot, &delta, real_us, &when);
	}
	return 0;
}
