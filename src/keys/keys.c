// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/uuid.h"

void v2m_key_clear(struct v2m_key *key)
{
	free(key->id);
	free(key->uuid);
	free(key->name);
	free(key->created_at);
	free(key->short_id);
	free(key->sni);
	free(key->source);
	memset(key, 0, sizeof(*key));
}

static void keyset_free(struct v2m_keyset *keyset)
{
	for (size_t i = 0; i < keyset->n_keys; i++)
		v2m_key_clear(&keyset->keys[i]);
	free(keyset->keys);
	free(keyset->ports);
	free(keyset->port_keys);
	free(keyset);
}

static int compare_by_port(const void *left, const void *right, void *keys)
{
	size_t a = *(const size_t *)left;
	size_t b = *(const size_t *)right;
	const struct v2m_key *key = keys;

	if (key[a].port != key[b].port)
		return key[a].port < key[b].port ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* port_keys holds the indices of all keys with a port, ordered by port and then by index, so that
 * the keys of a port are neighbours. */
static void index_ports(struct v2m_keyset *keyset)
{
	size_t n = 0;

	for (size_t i = 0; i < keyset->n_keys; i++)
		if (keyset->keys[i].port)
			keyset->port_keys[n++] = i;
	qsort_r(keyset->port_keys, n, sizeof(*keyset->port_keys), compare_by_port, keyset->keys);
	for (size_t i = 0; i < n; i++) {
		const struct v2m_key *key = &keyset->keys[keyset->port_keys[i]];
		struct v2m_key_port *port =
			keyset->n_ports ? &keyset->ports[keyset->n_ports - 1] : NULL;

		if (!port || port->port != key->port) {
			port = &keyset->ports[keyset->n_ports++];
			port->port = key->port;
			port->loopback = key->loopback;
			port->keys = &keyset->port_keys[i];
		}
		port->transports |= key->transports;
		port->n_keys++;
		port->shared = port->n_keys > 1;
	}
}

struct v2m_keyset *v2m_keyset_new(struct v2m_key *keys, size_t n_keys)
{
	struct v2m_keyset *keyset = calloc(1, sizeof(*keyset));

	if (!keyset) {
		for (size_t i = 0; i < n_keys; i++)
			v2m_key_clear(&keys[i]);
		free(keys);
		return NULL;
	}
	keyset->references = 1;
	keyset->keys = keys;
	keyset->n_keys = n_keys;
	keyset->ports = calloc(n_keys + 1, sizeof(*keyset->ports));
	keyset->port_keys = calloc(n_keys + 1, sizeof(*keyset->port_keys));
	if (!keyset->ports || !keyset->port_keys) {
		keyset_free(keyset);
		return NULL;
	}
	index_ports(keyset);
	return keyset;
}

struct v2m_keyset *v2m_keyset_ref(struct v2m_keyset *keyset)
{
	__atomic_add_fetch(&keyset->references, 1, __ATOMIC_RELAXED);
	return keyset;
}

void v2m_keyset_unref(struct v2m_keyset *keyset)
{
	if (keyset && __atomic_sub_fetch(&keyset->references, 1, __ATOMIC_ACQ_REL) == 0)
		keyset_free(keyset);
}

void v2m_keyset_unrefp(struct v2m_keyset **keyset)
{
	v2m_keyset_unref(*keyset);
}

const struct v2m_key *v2m_keyset_find(const struct v2m_keyset *keyset, const char *id_or_uuid)
{
	char uuid[V2M_UUID_LEN];

	for (size_t i = 0; i < keyset->n_keys; i++)
		if (strcmp(keyset->keys[i].id, id_or_uuid) == 0)
			return &keyset->keys[i];
	for (size_t i = 0; i < keyset->n_keys; i++)
		if (strcasecmp(keyset->keys[i].uuid, id_or_uuid) == 0)
			return &keyset->keys[i];
	/* If the id is a UUID, upper and lower case are the same; in any other id they differ. */
	for (size_t i = 0; v2m_uuid_canonical(id_or_uuid, uuid) && i < keyset->n_keys; i++)
		if (strcasecmp(keyset->keys[i].id, id_or_uuid) == 0)
			return &keyset->keys[i];
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_key(const struct v2m_key *a, const struct v2m_key *b)
{
	return a->is_active == b->is_active && a->port == b->port &&
	       a->transports == b->transports && a->loopback == b->loopback &&
	       same_text(a->id, b->id) && same_text(a->uuid, b->uuid) &&
	       same_text(a->name, b->name) && same_text(a->created_at, b->created_at) &&
	       same_text(a->short_id, b->short_id) && same_text(a->sni, b->sni) &&
	       same_text(a->source, b->source);
}

bool v2m_keyset_equal(const struct v2m_keyset *a, const struct v2m_keyset *b)
{
	if (a->n_keys != b->n_keys)
		return false;
	for (size_t i = 0; i < a->n_keys; i++)
		if (!same_key(&a->keys[i], &b->keys[i]))
			return false;
	return true;
}

size_t v2m_keyset_count_active(const struct v2m_keyset *keyset)
{
	size_t active = 0;

	for (size_t i = 0; i < keyset->n_keys; i++)
		active += keyset->keys[i].is_active;
	return active;
}

bool v2m_keyset_wants_loopback(const struct v2m_keyset *keyset)
{
	for (size_t i = 0; keyset && i < keyset->n_ports; i++)
		if (keyset->ports[i].loopback)
			return true;
	return false;
}

static int compare_port(const void *port, const void *element)
{
	return (int)*(const uint16_t *)port - (int)((const struct v2m_key_port *)element)->port;
}

const struct v2m_key_port *v2m_keyset_port(const struct v2m_keyset *keyset, uint16_t port)
{
	return bsearch(&port, keyset->ports, keyset->n_ports, sizeof(*keyset->ports), compare_port);
}

int v2m_key_subject(const struct v2m_key *key, char *subject, size_t size)
{
	return (int)v2m_lower_case(key->uuid, subject, size);
}

int v2m_keyset_subject(const struct v2m_keyset *keyset, const struct v2m_key_port *port,
		       char *subject, size_t size)
{
	if (port->shared)
		return snprintf(subject, size, "port:%u", port->port);
	return v2m_key_subject(&keyset->keys[port->keys[0]], subject, size);
}
