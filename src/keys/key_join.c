// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/name_index.h"
#include "base/uuid.h"
#include "base/cleanup.h"
#include "keys/key_clash.h"

struct join {
	struct v2m_key_list *keys;
	struct v2m_name_index by_uuid; /* see make_index_name() and make_mapped_name() */
	size_t n_customers;            /* keys from key files and databases, which come first */
};

#define INDEX_NAME_LEN (V2M_SUBJECT_LEN + 2)

/* A uuid that we derived from a name is another thing than the same one in a configuration. */
static void make_index_name(const struct v2m_key *key, bool derived,
			    char name[static INDEX_NAME_LEN])
{
	char subject[V2M_SUBJECT_LEN];

	v2m_key_subject(key, subject, sizeof(subject));
	snprintf(name, INDEX_NAME_LEN, "%c:%s", derived ? 'd' : 'u', subject);
}

/* An id of the proxy that is no UUID is the same as the UUID that the proxy makes of it. */
static bool make_mapped_name(const struct v2m_key *key, char name[static INDEX_NAME_LEN])
{
	char mapped[V2M_UUID_LEN];

	if (!v2m_uuid_of_v2ray_id(key->uuid, mapped))
		return false;
	snprintf(name, INDEX_NAME_LEN, "u:%s", mapped);
	return true;
}

static struct v2m_key *find(const struct join *join, const char *name)
{
	size_t place;

	return v2m_name_index_find(&join->by_uuid, name, &place) ? &join->keys->items[place] : NULL;
}

static struct v2m_key *find_by_uuid(const struct join *join, const struct v2m_key *key)
{
	bool derived = v2m_key_is_derived(key);
	char name[INDEX_NAME_LEN];
	struct v2m_key *found;

	make_index_name(key, derived, name);
	found = find(join, name);
	if (!found && make_mapped_name(key, name))
		found = find(join, name);
	if (found || !derived)
		return found;
	/* A key file may name a key by the uuid that we derived. */
	make_index_name(key, false, name);
	found = find(join, name);
	return found && found < join->keys->items + join->n_customers ? found : NULL;
}

static int add_key(struct join *join, struct v2m_key *key)
{
	char name[INDEX_NAME_LEN];

	make_index_name(key, v2m_key_is_derived(key), name);
	if (v2m_name_index_set(&join->by_uuid, name, join->keys->count))
		return -ENOMEM;
	if (make_mapped_name(key, name) &&
	    v2m_name_index_set(&join->by_uuid, name, join->keys->count))
		return -ENOMEM;
	return v2m_key_list_add(join->keys, key);
}

/* Adds the names that bytes of the other key may have been counted for before the two were joined.
 */
static int add_alias(struct v2m_key *key, const struct v2m_key *other)
{
	char mine[V2M_SUBJECT_LEN];
	char theirs[V2M_SUBJECT_LEN];

	v2m_key_subject(key, mine, sizeof(mine));
	v2m_key_subject(other, theirs, sizeof(theirs));
	return strcmp(mine, theirs) == 0 ? 0 : v2m_strings_add(&key->aliases, theirs);
}

static int add_emails(struct v2m_key *key, const struct v2m_key *client)
{
	for (size_t i = 0; i < client->emails.count; i++)
		if (v2m_key_add_email(key, client->emails.items[i]))
			return -ENOMEM;
	return 0;
}

/* For members that describe the customer: the first source that has one decides. */
static void complete_text(char **mine, char **theirs)
{
	if (!*mine)
		*mine = V2M_TAKE(*theirs);
}

/* Writes the ports of a key as "443, 20000-50000". A long list ends early. */
static void list_ports(const struct v2m_key *key, char text[static 64])
{
	size_t length = 0;

	text[0] = 0;
	for (size_t i = 0; i < key->n_spans && length < 48; i++) {
		char ports[V2M_SPAN_TEXT_LEN];

		v2m_span_format(key->spans[i].first_port, key->spans[i].last_port, ports);
		length +=
			(size_t)snprintf(text + length, 64 - length, "%s%s", i ? ", " : "", ports);
	}
	if (!key->n_spans)
		strcpy(text, "none");
}

static bool same_ports(const struct v2m_key *a, const struct v2m_key *b)
{
	if (a->n_spans != b->n_spans)
		return false;
	for (size_t i = 0; i < a->n_spans; i++)
		if (a->spans[i].first_port != b->spans[i].first_port ||
		    a->spans[i].last_port != b->spans[i].last_port)
			return false;
	return true;
}

/* used: the one of both whose ports are used. */
static void warn_of_other_ports(const struct v2m_key *key, const struct v2m_key *other,
				const struct v2m_key *used)
{
	char mine[64];
	char theirs[64];

	list_ports(key, mine);
	list_ports(other, theirs);
	v2m_log_key(V2M_LOG_WARNING, key->id,
		    "key %s has port %s in %s and port %s in %s: port %s is used", key->id, mine,
		    key->source, theirs, other->source, used == key ? mine : theirs);
}

static void take_spans(struct v2m_key *key, struct v2m_key *other)
{
	free(key->spans);
	key->spans = V2M_TAKE(other->spans);
	key->n_spans = other->n_spans;
	key->spans_capacity = other->spans_capacity;
	other->n_spans = 0;
	other->spans_capacity = 0;
}

static void merge_customer(struct v2m_key *key, struct v2m_key *other)
{
	if (strcmp(key->id, other->id) != 0)
		v2m_log_key(V2M_LOG_WARNING, key->id,
			    "key %s of %s has the id %s in %s: the first id is used", key->id,
			    key->source, other->id, other->source);
	if (strcmp(key->name, other->name) != 0)
		v2m_log_key(V2M_LOG_WARNING, key->id,
			    "key %s is named \"%s\" in %s, \"%s\" in %s: the first name is used",
			    key->id, key->name, key->source, other->name, other->source);
	if (key->n_spans && other->n_spans && !same_ports(key, other))
		warn_of_other_ports(key, other, key);
	if (!key->n_spans)
		take_spans(key, other);
	complete_text(&key->created_at, &other->created_at);
	complete_text(&key->short_id, &other->short_id);
	complete_text(&key->sni, &other->sni);
	v2m_key_complete_terms(&key->terms, &other->terms);
}

static int take_customers(struct join *join, struct v2m_key_list *customers)
{
	for (size_t i = 0; i < customers->count; i++) {
		struct v2m_key *other = &customers->items[i];
		struct v2m_key *key = find_by_uuid(join, other);
		int result = 0;

		if (key)
			merge_customer(key, other);
		else
			result = add_key(join, other);
		if (result)
			return result;
	}
	return 0;
}

static int take_assignments(struct join *join, const struct v2m_key_list *assignments)
{
	size_t strangers = 0;

	for (size_t i = 0; i < assignments->count; i++) {
		const struct v2m_key *assignment = &assignments->items[i];
		struct v2m_key *key = find_by_uuid(join, assignment);

		if (!key)
			strangers++;
		else if (key->n_spans && !same_ports(key, assignment))
			warn_of_other_ports(key, assignment, key);
		else if (!key->n_spans && v2m_key_add_port(key, v2m_key_port(assignment)))
			return -ENOMEM;
	}
	if (strangers)
		v2m_log_debug("%zu port assignments belong to no key of a key file or database",
			      strangers);
	return 0;
}

static const struct v2m_key *find_assignment(const struct v2m_key_list *assignments,
					     const struct v2m_key *key)
{
	for (size_t i = 0; i < assignments->count; i++)
		if (strcasecmp(assignments->items[i].uuid, key->uuid) == 0)
			return &assignments->items[i];
	return NULL;
}

/* A port file may give one port to two keys only if one of them uses TCP and the other one UDP. */
static int refuse_assignment_clash(const struct join *join, const struct v2m_key_list *assignments,
				   struct v2m_error *error)
{
	const struct v2m_key *one;
	const struct v2m_key *other;
	size_t first;
	size_t second;
	uint16_t port;
	int result = assignments->count
			     ? v2m_key_list_port_clash(join->keys, &first, &second, &port)
			     : 0;

	if (result <= 0)
		return result;
	one = find_assignment(assignments, &join->keys->items[first]);
	other = find_assignment(assignments, &join->keys->items[second]);
	if (!one || !other || v2m_key_port(one) != port || v2m_key_port(other) != port ||
	    strcmp(one->source, other->source) != 0)
		return 0;
	return v2m_error_set(error, -EINVAL,
			     "%s: port %u belongs to key %s and to key %s, and both use the same "
			     "transport",
			     one->source, port, join->keys->items[first].id,
			     join->keys->items[second].id);
}

/* The ports are those of the proxy's configuration, because it decides where the proxy listens. */
static void merge_client(struct v2m_key *key, struct v2m_key *client)
{
	if (key->n_spans && !same_ports(key, client))
		warn_of_other_ports(key, client, client);
	take_spans(key, client);
	complete_text(&key->short_id, &client->short_id);
	complete_text(&key->sni, &client->sni);
	complete_text(&key->identity, &client->identity);
	v2m_key_complete_terms(&key->terms, &client->terms);
}

/* A client in two configurations is served on the ports of both. */
static int add_spans_of_client(struct v2m_key *key, const struct v2m_key *client)
{
	int result = 0;

	for (size_t i = 0; i < client->n_spans && !result; i++)
		result = v2m_key_add_span(key, &client->spans[i]);
	if (result == -ENOSPC)
		v2m_log_key(V2M_LOG_WARNING, key->id,
			    "key %s has more than %d ports and ranges: those of %s are not all "
			    "counted",
			    key->id, V2M_MAX_KEY_SPANS, client->source);
	return result == -ENOMEM ? result : 0;
}

/* A client with a uuid of its own must not take over a key that was derived, nor the other way
 * round: a key of a key file is only one of them. */
static bool is_other_kind(const struct v2m_key *key, const struct v2m_key *client)
{
	return key->identity && v2m_key_is_derived(key) != v2m_key_is_derived(client);
}

static int take_client(struct join *join, struct v2m_key *client, struct v2m_key_notes *notes)
{
	struct v2m_key *key = find_by_uuid(join, client);

	if (!key)
		return add_key(join, client);
	if (is_other_kind(key, client)) {
		v2m_key_note_file(notes, V2M_NOTE_MISSING, client->source,
				  "key \"%s\" is left out: its uuid is that of \"%s\" of %s",
				  client->name, key->name, key->source);
		return 0;
	}
	if (add_alias(key, client) || add_emails(key, client))
		return -ENOMEM;
	if (key >= join->keys->items + join->n_customers) {
		/* A panel's database is newer than the file that the panel wrote for the proxy. */
		key->is_active = key->is_active && client->is_active;
		v2m_key_complete_terms(&key->terms, &client->terms);
		return add_spans_of_client(key, client);
	}
	merge_client(key, client);
	return 0;
}

static int take_clients(struct join *join, struct v2m_gathered *gathered)
{
	int result = 0;

	join->n_customers = join->keys->count;
	for (size_t i = 0; i < gathered->clients.count && !result; i++)
		result = take_client(join, &gathered->clients.items[i], &gathered->notes);
	return result;
}

int v2m_key_join(struct v2m_gathered *gathered, const struct v2m_keyset *previous,
		 struct v2m_key_list *joined, struct v2m_error *error)
{
	struct join join = { .keys = joined };
	int result = take_customers(&join, &gathered->customers);

	if (!result)
		result = take_assignments(&join, &gathered->assignments);
	if (!result)
		result = refuse_assignment_clash(&join, &gathered->assignments, error);
	if (!result)
		result = take_clients(&join, gathered);
	if (!result)
		result = v2m_key_clash_resolve(joined, previous, &gathered->notes);
	v2m_name_index_clear(&join.by_uuid);
	if (result == -ENOMEM)
		v2m_error_set(error, result, "out of memory");
	return result;
}
