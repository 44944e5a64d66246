// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/account_internal.h"
#include "base/cleanup.h"

struct v2m_totals v2m_subject_since_reset(const struct v2m_subject *subject)
{
	return v2m_totals_subtract(subject->lifetime, subject->baseline);
}

struct v2m_totals v2m_subject_history(const struct v2m_subject *subject)
{
	return v2m_totals_subtract(subject->lifetime, subject->history_baseline);
}

struct v2m_account *v2m_account_new(void)
{
	struct v2m_account *account = calloc(1, sizeof(*account));

	if (account)
		v2m_raw_init(&account->raw);
	return account;
}

static void forget_keyset(struct v2m_account *account)
{
	v2m_keyset_unref(account->keyset);
	account->keyset = NULL;
	free(account->owners);
	account->owners = NULL;
}

void v2m_account_free(struct v2m_account *account)
{
	if (!account)
		return;
	forget_keyset(account);
	v2m_subjects_clear(&account->subjects);
	v2m_session_set_clear(&account->connections);
	v2m_raw_clear(&account->raw);
	free(account);
}

const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id)
{
	return v2m_subjects_find(&account->subjects, id);
}

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

int v2m_account_restore_subject(struct v2m_account *account, const struct v2m_subject *subject)
{
	struct v2m_subject stored = *subject;
	struct v2m_subject *inserted;

	if (v2m_subjects_find(&account->subjects, subject->id))
		return -EEXIST;
	stored.dirty = false;
	return v2m_subjects_insert(&account->subjects, &stored, &inserted);
}

int v2m_account_restore_raw(struct v2m_account *account, const struct v2m_raw_port *raw)
{
	struct v2m_raw_port stored = *raw;

	if (raw->raw.port == 0 || v2m_raw_find(&account->raw, raw->raw.port, raw->epoch))
		return -EEXIST;
	if (v2m_raw_reserve(&account->raw, 1))
		return -ENOMEM;
	stored.dirty = false;
	v2m_raw_insert(&account->raw, &stored);
	return 0;
}

int v2m_account_restore_overlap(struct v2m_account *account,
				const struct v2m_socket_overlap *overlap)
{
	struct v2m_socket_overlap *item;

	if (overlap->port == 0 || v2m_port_items_find(&account->raw.overlaps, overlap->port))
		return -EEXIST;
	item = v2m_port_items_add(&account->raw.overlaps, overlap->port);
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
	uint16_t port = reading->last.port;

	if (port == 0 || v2m_port_items_find(&account->raw.sessions, port))
		return -EEXIST;
	item = v2m_port_items_add(&account->raw.sessions, port);
	if (!item)
		return -ENOMEM;
	*item = *reading;
	item->dirty = false;
	return 0;
}

/* Notes the key's present name and port in its subject. */
static int note_key(struct v2m_account *account, struct v2m_subject *subject,
		    const struct v2m_key *key)
{
	bool renamed = key->name && (!subject->name || strcmp(subject->name, key->name) != 0);
	bool moved = key->port && subject->port != key->port;
	char *name = renamed ? strdup(key->name) : NULL;

	if (renamed && !name)
		return -ENOMEM;
	if (renamed) {
		free(subject->name);
		subject->name = name;
	}
	if (moved)
		subject->port = key->port;
	if (renamed || moved)
		v2m_account_touch(account, subject);
	return 0;
}

/* Gives every key and every shared port of the set a subject. */
static int bind_subjects(struct v2m_account *account, const struct v2m_keyset *keyset,
			 int64_t real_us, struct v2m_subject **owners)
{
	char id[V2M_SUBJECT_LEN];
	struct v2m_subject *subject;
	int result = 0;

	for (size_t i = 0; i < keyset->n_keys && result == 0; i++) {
		v2m_key_subject(&keyset->keys[i], id, sizeof(id));
		result = get_subject(account, id, real_us, &subject);
		if (result == 0)
			result = note_key(account, subject, &keyset->keys[i]);
	}
	for (size_t i = 0; i < keyset->n_ports && result == 0; i++) {
		v2m_keyset_subject(keyset, &keyset->ports[i], id, sizeof(id));
		result = get_subject(account, id, real_us, &owners[i]);
		if (result == 0 && keyset->ports[i].shared)
			owners[i]->port = keyset->ports[i].port;
	}
	return result;
}

/* Finds the owners of the key set's ports, unless it is the last key set. The comparison of
 * pointers is safe: the account holds a reference, so no other key set can get this address. The
 * cast only counts references; the key set does not change. */
static int bind_keyset(struct v2m_account *account, const struct v2m_keyset *keyset,
		       int64_t real_us)
{
	V2M_FREE struct v2m_subject **owners = NULL;
	int result;

	if (account->keyset == keyset)
		return 0;
	owners = calloc(keyset->n_ports + 1, sizeof(struct v2m_subject *));
	if (!owners)
		return -ENOMEM;
	result = bind_subjects(account, keyset, real_us, owners);
	if (result)
		return result;
	forget_keyset(account);
	account->keyset = v2m_keyset_ref((struct v2m_keyset *)keyset);
	account->owners = V2M_TAKE(owners);
	return 0;
}

/* Makes room in what is pending of every owner. */
static int reserve_pending(struct v2m_account *account)
{
	for (size_t i = 0; i < account->keyset->n_ports; i++)
		if (v2m_pending_reserve(&account->owners[i]->pending))
			return -ENOMEM;
	return 0;
}

static void account_delta(struct v2m_account *account, struct v2m_subject *owner,
			  const struct v2m_totals *delta, const struct v2m_sample *sample,
			  const struct v2m_local_time *when)
{
	const struct v2m_history_figures figures = { .totals = *delta };

	owner->lifetime = v2m_totals_add(owner->lifetime, *delta);
	owner->last_activity_us = sample->real_us;
	v2m_pending_add(&owner->pending, when, &figures);
	v2m_account_touch(account, owner);
}

int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample)
{
	const struct v2m_local_time when = v2m_local_time_at(sample->real_us);
	struct v2m_totals delta;
	size_t k = 0;

	/* All counters of an older sample would seem to have gone backwards. */
	if (sample->mono_ns < account->mono_ns)
		return -ESTALE;
	/* Everything that can fail comes before the first byte is accounted. */
	if (bind_keyset(account, keyset, sample->real_us) ||
	    v2m_raw_reserve_sample(&account->raw, sample) || reserve_pending(account))
		return -ENOMEM;
	account->mono_ns = sample->mono_ns;
	for (size_t i = 0; i < sample->n_ports; i++) {
		const struct v2m_port_sample *port = &sample->ports[i];

		while (k < keyset->n_ports && keyset->ports[k].port < port->port)
			k++;
		if (k == keyset->n_ports || keyset->ports[k].port != port->port ||
		    !v2m_raw_advance(&account->raw, sample, port, &delta))
			continue;
		account->dirty = true;
		if (!v2m_totals_are_zero(&delta))
			account_delta(account, account->owners[k], &delta, sample, &when);
	}
	return 0;
}

/* A number that was noted in this hour is not noted again: every key with a connection would be
 * written at every flush. */
static void account_connections(struct v2m_account *account, struct v2m_subject *owner,
				const struct v2m_history_figures *figures,
				const struct v2m_local_time *when)
{
	bool known = owner->noted_hour_s == when->hour_start_s &&
		     figures->max_connections <= owner->noted_connections;

	owner->connections = figures->max_connections;
	if (figures->max_connections > owner->max_connections)
		owner->max_connections = figures->max_connections;
	if ((known || figures->max_connections == 0) && figures->sessions == 0)
		return;
	if (!known) {
		owner->noted_hour_s = when->hour_start_s;
		owner->noted_connections = figures->max_connections;
	}
	owner->sessions = v2m_counter_add(owner->sessions, figures->sessions);
	v2m_pending_add(&owner->pending, when, figures);
	v2m_account_touch(account, owner);
}

static int compare_sessions(const void *port, const void *element)
{
	return (int)*(const uint16_t *)port -
	       (int)((const struct v2m_port_sessions *)element)->port;
}

static uint32_t count_opened(struct v2m_account *account, const struct v2m_port_sessions *opened,
			     size_t n_opened, uint16_t port)
{
	const struct v2m_port_sessions *found =
		n_opened ? bsearch(&port, opened, n_opened, sizeof(*opened), compare_sessions)
			 : NULL;

	return found ? v2m_raw_advance_sessions(&account->raw, found) : 0;
}

int v2m_account_connections(struct v2m_account *account, const struct v2m_keyset *keyset,
			    const struct v2m_connection_table *table,
			    const struct v2m_port_sessions *opened, size_t n_opened,
			    int64_t real_us)
{
	const struct v2m_local_time when = v2m_local_time_at(real_us);
	struct v2m_session_set now = { 0 };

	if (bind_keyset(account, keyset, real_us) || reserve_pending(account) ||
	    v2m_port_items_reserve(&account->raw.sessions, n_opened))
		return -ENOMEM;
	/* If the openings are counted elsewhere, dumps need not be compared: sorting 100,000
	 * connections is a tenth of a pass. */
	if (!opened && v2m_session_set_make(table, &now))
		return -ENOMEM;
	/* Keys that have no port any more are among them. */
	for (size_t i = 0; i < account->subjects.list.count; i++)
		account->subjects.list.items[i]->connections = 0;
	for (size_t i = 0; i < keyset->n_ports; i++) {
		uint16_t port = keyset->ports[i].port;
		struct v2m_history_figures figures = { 0 };
		const struct v2m_connection *connections;
		size_t count;

		connections = v2m_connection_table_port(table, port, &count);
		figures.max_connections = (uint32_t)count;
		figures.sessions = opened ? count_opened(account, opened, n_opened, port)
					  : v2m_session_set_count_new(&account->connections,
								      connections, count);
		account_connections(account, account->owners[i], &figures, &when);
	}
	v2m_session_set_clear(&account->connections);
	account->connections = now;
	return 0;
}

int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context)
{
	for (size_t i = 0; i < account->subjects.list.count; i++) {
		int result = visit(account->subjects.list.items[i], context);

		if (result)
			return result;
	}
	return 0;
}

int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context)
{
	for (size_t i = 0; i < account->raw.raw.count; i++) {
		int result = visit(&account->raw.raw.items[i], context);

		if (result)
			return result;
	}
	return 0;
}

int v2m_account_each_overlap(const struct v2m_account *account, v2m_overlap_visitor visit,
			     void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->raw.overlaps.count && result == 0; i++)
		result = visit(v2m_port_items_at(&account->raw.overlaps, i), context);
	return result;
}

int v2m_account_each_sessions(const struct v2m_account *account, v2m_sessions_visitor visit,
			      void *context)
{
	int result = 0;

	for (size_t i = 0; i < account->raw.sessions.count && result == 0; i++)
		result = visit(v2m_port_items_at(&account->raw.sessions, i), context);
	return result;
}

static void mark_all(struct v2m_account *account, bool dirty)
{
	struct v2m_raw_ports *raw = &account->raw;

	for (size_t i = 0; i < account->subjects.list.count; i++)
		account->subjects.list.items[i]->dirty = dirty;
	for (size_t i = 0; i < raw->raw.count; i++)
		raw->raw.items[i].dirty = dirty;
	for (size_t i = 0; i < raw->overlaps.count; i++)
		((struct v2m_socket_overlap *)v2m_port_items_at(&raw->overlaps, i))->dirty = dirty;
	for (size_t i = 0; i < raw->sessions.count; i++)
		((struct v2m_accounted_sessions *)v2m_port_items_at(&raw->sessions, i))->dirty =
			dirty;
	account->dirty = dirty;
}

void v2m_account_mark_stored(struct v2m_account *account)
{
	for (size_t i = 0; i < account->subjects.list.count; i++)
		v2m_pending_clear(&account->subjects.list.items[i]->pending);
	mark_all(account, false);
}

/* The new file gets the present number of connections, too. */
void v2m_account_mark_lost(struct v2m_account *account)
{
	for (size_t i = 0; i < account->subjects.list.count; i++)
		account->subjects.list.items[i]->noted_connections = 0;
	mark_all(account, true);
}

bool v2m_account_is_dirty(const struct v2m_account *account)
{
	return account->dirty;
}
