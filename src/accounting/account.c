// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/raw.h"
#include "accounting/session_set.h"
#include "accounting/subjects.h"
#include "base/cleanup.h"

struct v2m_account {
	struct v2m_subjects subjects;

	struct v2m_raw_ports raw;

	/* The owners of the last key set's ports, so that names are looked up once a reload. */
	struct v2m_keyset *keyset;
	struct v2m_subject **owners; /* parallel to keyset->ports */

	struct v2m_session_set connections; /* of the last dump */
	uint64_t mono_ns;                   /* of the last sample */
	bool dirty;
};

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
	return calloc(1, sizeof(struct v2m_account));
}

static void unbind(struct v2m_account *account)
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
	unbind(account);
	v2m_subjects_clear(&account->subjects);
	v2m_session_set_clear(&account->connections);
	free(account->raw.raw);
	free(account);
}

const struct v2m_subject *v2m_account_subject(const struct v2m_account *account, const char *id)
{
	return v2m_subjects_find(&account->subjects, id);
}

static void touch(struct v2m_account *account, struct v2m_subject *subject)
{
	subject->dirty = true;
	account->dirty = true;
}

/* The subject of that name, made where it is new. */
static int subject_get(struct v2m_account *account, char *id, int64_t real_us,
		       struct v2m_subject **subject)
{
	const struct v2m_subject fresh = { .id = id, .first_seen_us = real_us };
	int result;

	*subject = v2m_subjects_find(&account->subjects, id);
	if (*subject)
		return 0;
	result = v2m_subjects_insert(&account->subjects, &fresh, subject);
	if (result == 0)
		touch(account, *subject);
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

/* Keeps what the key was last called and where it was. */
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
		touch(account, subject);
	return 0;
}

/* Every key and every shared port of the set has a subject afterwards. */
static int bind_subjects(struct v2m_account *account, const struct v2m_keyset *keyset,
			 int64_t real_us, struct v2m_subject **owners)
{
	char id[V2M_SUBJECT_LEN];
	struct v2m_subject *subject;
	int result = 0;

	for (size_t i = 0; i < keyset->n_keys && result == 0; i++) {
		v2m_key_subject(&keyset->keys[i], id, sizeof(id));
		result = subject_get(account, id, real_us, &subject);
		if (result == 0)
			result = note_key(account, subject, &keyset->keys[i]);
	}
	for (size_t i = 0; i < keyset->n_ports && result == 0; i++) {
		v2m_keyset_subject(keyset, &keyset->ports[i], id, sizeof(id));
		result = subject_get(account, id, real_us, &owners[i]);
		if (result == 0 && keyset->ports[i].shared)
			owners[i]->port = keyset->ports[i].port;
	}
	return result;
}

/* The reference that is kept makes the comparison of pointers safe: no other key set can come to
 * live at this address. Counting references is not a change of the set, hence the cast. */
static int bind(struct v2m_account *account, const struct v2m_keyset *keyset, int64_t real_us)
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
	unbind(account);
	account->keyset = v2m_keyset_ref((struct v2m_keyset *)keyset);
	account->owners = V2M_TAKE(owners);
	return 0;
}

/* Room in what is pending of everybody who may get something. */
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
	touch(account, owner);
}

int v2m_account_apply(struct v2m_account *account, const struct v2m_keyset *keyset,
		      const struct v2m_sample *sample)
{
	const struct v2m_local_time when = v2m_local_time_at(sample->real_us);
	struct v2m_totals delta;
	size_t k = 0;

	/* To an older reading all counters would seem to have gone backwards. */
	if (sample->mono_ns < account->mono_ns)
		return -ESTALE;
	/* All that can fail comes before the first byte is accounted. */
	if (bind(account, keyset, sample->real_us) ||
	    v2m_raw_reserve(&account->raw, 2 * sample->n_ports) || reserve_pending(account))
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

/* A number that pending has been told of in this hour is not news, or every key with a connection
 * would be written at every flush. */
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
	owner->sessions += figures->sessions;
	v2m_pending_add(&owner->pending, when, figures);
	touch(account, owner);
}

static int compare_sessions(const void *port, const void *element)
{
	return (int)*(const uint16_t *)port -
	       (int)((const struct v2m_port_sessions *)element)->port;
}

static uint32_t sessions_of(struct v2m_account *account, const struct v2m_port_sessions *opened,
			    size_t n_opened, uint16_t port, int64_t real_us)
{
	const struct v2m_port_sessions *found =
		n_opened ? bsearch(&port, opened, n_opened, sizeof(*opened), compare_sessions)
			 : NULL;

	return found ? v2m_raw_advance_sessions(&account->raw, found, real_us) : 0;
}

int v2m_account_connections(struct v2m_account *account, const struct v2m_keyset *keyset,
			    const struct v2m_connection_table *table,
			    const struct v2m_port_sessions *opened, size_t n_opened,
			    int64_t real_us)
{
	const struct v2m_local_time when = v2m_local_time_at(real_us);
	struct v2m_session_set now = { 0 };

	if (bind(account, keyset, real_us) || reserve_pending(account) ||
	    v2m_raw_reserve(&account->raw, n_opened))
		return -ENOMEM;
	/* Where somebody counts the openings, dumps need not be told apart: sorting 100,000
	 * connections is a tenth of a pass. */
	if (!opened && v2m_session_set_make(table, &now))
		return -ENOMEM;
	/* Of keys that have no port any more, too. */
	for (size_t i = 0; i < account->subjects.size; i++)
		if (account->subjects.table[i])
			account->subjects.table[i]->connections = 0;
	for (size_t i = 0; i < keyset->n_ports; i++) {
		uint16_t port = keyset->ports[i].port;
		struct v2m_history_figures figures = { 0 };
		const struct v2m_connection *connections;
		size_t count;

		connections = v2m_connection_table_port(table, port, &count);
		figures.max_connections = (uint32_t)count;
		figures.sessions = opened ? sessions_of(account, opened, n_opened, port, real_us)
					  : v2m_session_set_count_new(&account->connections,
								      connections, count);
		account_connections(account, account->owners[i], &figures, &when);
	}
	v2m_session_set_clear(&account->connections);
	account->connections = now;
	return 0;
}

int v2m_account_reset(struct v2m_account *account, const char *id, int64_t real_us,
		      struct v2m_totals *closed, struct v2m_reset_undo *undo)
{
	struct v2m_subject *subject = v2m_subjects_find(&account->subjects, id);

	if (!subject)
		return -ENOENT;
	*closed = v2m_subject_since_reset(subject);
	undo->baseline = subject->baseline;
	undo->reset_us = subject->reset_us;
	subject->baseline = subject->lifetime;
	subject->reset_us = real_us;
	touch(account, subject);
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
	touch(account, subject);
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
	touch(account, subject);
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
	touch(account, subject);
}

void v2m_history_undo_clear(struct v2m_history_undo *undo)
{
	v2m_pending_free(&undo->pending);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A name and port that a key source has told are left as they are. */
static int subject_for_merge(struct v2m_account *account, const struct v2m_subject *more,
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

int v2m_account_merge(struct v2m_account *account, const struct v2m_subject *more,
		      struct v2m_account_undo *undo)
{
	struct v2m_subject *subject;

	if (subject_for_merge(account, more, &subject))
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
	};
	subject->lifetime = v2m_totals_add(subject->lifetime, more->lifetime);
	subject->baseline = v2m_totals_add(subject->baseline, more->baseline);
	subject->history_baseline =
		v2m_totals_add(subject->history_baseline, more->history_baseline);
	if (more->max_connections > subject->max_connections)
		subject->max_connections = more->max_connections;
	subject->sessions += more->sessions;
	subject->first_seen_us = -larger(-subject->first_seen_us, -more->first_seen_us);
	subject->last_activity_us = larger(subject->last_activity_us, more->last_activity_us);
	subject->reset_us = larger(subject->reset_us, more->reset_us);
	touch(account, subject);
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
	touch(account, subject);
}

int v2m_account_each_subject(const struct v2m_account *account, v2m_subject_visitor visit,
			     void *context)
{
	for (size_t i = 0; i < account->subjects.size; i++) {
		const struct v2m_subject *subject = account->subjects.table[i];
		int result = subject ? visit(subject, context) : 0;

		if (result)
			return result;
	}
	return 0;
}

int v2m_account_each_raw(const struct v2m_account *account, v2m_raw_visitor visit, void *context)
{
	for (size_t i = 0; i < account->raw.count; i++) {
		int result = visit(&account->raw.raw[i], context);

		if (result)
			return result;
	}
	return 0;
}

static void mark_all(struct v2m_account *account, bool dirty)
{
	for (size_t i = 0; i < account->subjects.size; i++)
		if (account->subjects.table[i])
			account->subjects.table[i]->dirty = dirty;
	for (size_t i = 0; i < account->raw.count; i++)
		account->raw.raw[i].dirty = dirty;
	account->dirty = dirty;
}

void v2m_account_mark_stored(struct v2m_account *account)
{
	for (size_t i = 0; i < account->subjects.size; i++)
		if (account->subjects.table[i])
			v2m_pending_clear(&account->subjects.table[i]->pending);
	mark_all(account, false);
}

/* The new file has to be told how many connections there are, too. */
void v2m_account_mark_lost(struct v2m_account *account)
{
	for (size_t i = 0; i < account->subjects.size; i++)
		if (account->subjects.table[i])
			account->subjects.table[i]->noted_connections = 0;
	mark_all(account, true);
}

bool v2m_account_is_dirty(const struct v2m_account *account)
{
	return account->dirty;
}
