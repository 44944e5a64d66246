// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/name_index.h"
#include "base/uuid.h"
#include "base/cleanup.h"

struct join {
	struct v2m_key_list *keys;
	struct v2m_name_index by_uuid; /* by uuid in lower case */
	struct v2m_name_index by_id;
};

void v2m_gathered_clear(struct v2m_gathered *gathered)
{
	v2m_key_list_clear(&gathered->customers);
	v2m_key_list_clear(&gathered->clients);
	v2m_key_list_clear(&gathered->assignments);
}

static struct v2m_key *find_key(const struct join *join, const struct v2m_name_index *index,
				const char *name)
{
	size_t place;

	return v2m_name_index_find(index, name, &place) ? &join->keys->items[place] : NULL;
}

static struct v2m_key *find_by_uuid(const struct join *join, const struct v2m_key *key)
{
	char subject[V2M_SUBJECT_LEN];

	v2m_key_subject(key, subject, sizeof(subject));
	return find_key(join, &join->by_uuid, subject);
}

static int add_key(struct join *join, struct v2m_key *key)
{
	char subject[V2M_SUBJECT_LEN];

	v2m_key_subject(key, subject, sizeof(subject));
	if (v2m_name_index_set(&join->by_uuid, subject, join->keys->count) ||
	    v2m_name_index_set(&join->by_id, key->id, join->keys->count))
		return -ENOMEM;
	return v2m_key_list_add(join->keys, key);
}

/* Adds a key. If another key has its id already, that one stays. */
static int add_new_key(struct join *join, struct v2m_key *key)
{
	const struct v2m_key *holder = find_key(join, &join->by_id, key->id);

	if (holder) {
		v2m_log_warning("key %s of %s is left out: %s has another key with this id",
				key->id, key->source, holder->source);
		return 0;
	}
	return add_key(join, key);
}

/* For members that describe the customer: the first source that has one decides. */
static void complete_text(char **mine, char **theirs)
{
	if (!*mine)
		*mine = V2M_TAKE(*theirs);
}

static void warn_port(const struct v2m_key *key, unsigned port, const char *source,
		      unsigned used_port)
{
	v2m_log_warning("key %s has port %u in %s and port %u in %s: port %u is used", key->id,
			key->port, key->source, port, source, used_port);
}

static void merge_customer(struct v2m_key *key, struct v2m_key *other)
{
	if (strcmp(key->id, other->id) != 0)
		v2m_log_warning("key %s of %s has the id %s in %s: the first id is used", key->id,
				key->source, other->id, other->source);
	if (strcmp(key->name, other->name) != 0)
		v2m_log_warning(
			"key %s is named \"%s\" in %s, \"%s\" in %s: the first name is used",
			key->id, key->name, key->source, other->name, other->source);
	if (key->port && other->port && key->port != other->port)
		warn_port(key, other->port, other->source, key->port);
	if (!key->port)
		key->port = other->port;
	complete_text(&key->created_at, &other->created_at);
	complete_text(&key->short_id, &other->short_id);
	complete_text(&key->sni, &other->sni);
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
			result = add_new_key(join, other);
		if (result)
			return result;
	}
	return 0;
}

static void take_assignments(struct join *join, const struct v2m_key_list *assignments)
{
	size_t strangers = 0;

	for (size_t i = 0; i < assignments->count; i++) {
		const struct v2m_key *assignment = &assignments->items[i];
		struct v2m_key *key = find_by_uuid(join, assignment);

		if (!key)
			strangers++;
		else if (!key->port)
			key->port = assignment->port;
		else if (key->port != assignment->port)
			warn_port(key, assignment->port, assignment->source, key->port);
	}
	if (strangers)
		v2m_log_debug("%zu port assignments belong to no key of a key file or database",
			      strangers);
}

/* Finds keys also by the id that a V2Ray configuration gives a client on one of several ports. */
static int index_port_ids(struct join *join)
{
	for (size_t i = 0; i < join->keys->count; i++) {
		char subject[V2M_SUBJECT_LEN + 8];
		char id[V2M_UUID_LEN];

		if (!join->keys->items[i].port)
			continue;
		v2m_key_subject(&join->keys->items[i], subject, V2M_SUBJECT_LEN);
		snprintf(subject + strlen(subject), 8, ":%u", join->keys->items[i].port);
		v2m_uuid5(subject, id);
		if (!find_key(join, &join->by_uuid, id) &&
		    v2m_name_index_set(&join->by_uuid, id, i))
			return -ENOMEM;
	}
	return 0;
}

static void merge_client(struct v2m_key *key, struct v2m_key *client)
{
	if (key->port && key->port != client->port)
		warn_port(key, client->port, client->source, client->port);
	key->port = client->port;
	key->transports = client->transports;
	key->loopback = client->loopback;
	complete_text(&key->short_id, &client->short_id);
	complete_text(&key->sni, &client->sni);
}

/* n_customers is the number of keys from key files and databases, which come first. */
static int take_clients(struct join *join, struct v2m_key_list *clients, size_t n_customers)
{
	for (size_t i = 0; i < clients->count; i++) {
		struct v2m_key *client = &clients->items[i];
		struct v2m_key *key = find_by_uuid(join, client);
		int result = 0;

		if (!key)
			result = add_new_key(join, client);
		else if (key < join->keys->items + n_customers)
			merge_client(key, client);
		else if (key->port != client->port)
			warn_port(key, client->port, client->source, key->port);
		if (result)
			return result;
	}
	return 0;
}

/* A port is counted either on the loopback device or on the others. If one of its keys can be
 * reached from outside, it is counted on the others. */
static int settle_loopback(struct v2m_key_list *keys)
{
	V2M_FREE bool *reachable = calloc(65536, sizeof(*reachable));

	if (!reachable)
		return -ENOMEM;
	for (size_t i = 0; i < keys->count; i++)
		if (!keys->items[i].loopback)
			reachable[keys->items[i].port] = true;
	for (size_t i = 0; i < keys->count; i++) {
		struct v2m_key *key = &keys->items[i];

		if (key->loopback && reachable[key->port]) {
			v2m_log_warning("key %s: port %u is not counted on the loopback device, "
					"because another key on it can be reached from outside",
					key->id, key->port);
			key->loopback = false;
		}
	}
	return 0;
}

int v2m_key_join(struct v2m_gathered *gathered, struct v2m_key_list *joined)
{
	struct join join = { .keys = joined };
	int result = take_customers(&join, &gathered->customers);

	if (!result)
		take_assignments(&join, &gathered->assignments);
	if (!result)
		result = index_port_ids(&join);
	if (!result)
		result = take_clients(&join, &gathered->clients, joined->count);
	if (!result)
		result = settle_loopback(joined);
	v2m_name_index_clear(&join.by_uuid);
	v2m_name_index_clear(&join.by_id);
	return result;
}
