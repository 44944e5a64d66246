// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/keyset.h"

#include <stdlib.h>
#include <string.h>

/* The least that a span or a string take in a message. */
#define SPAN_SIZE 12
#define TEXT_SIZE 4

static void put_span(struct v2m_wire *wire, struct v2m_span *span)
{
	v2m_wire_u16(wire, &span->first_port);
	v2m_wire_u16(wire, &span->last_port);
	span->transports = v2m_wire_limited(wire, span->transports, V2M_TCP | V2M_UDP);
	v2m_wire_bool(wire, &span->loopback);
	v2m_wire_u16(wire, &span->front_port);
	v2m_wire_bool(wire, &span->visited);
	v2m_wire_bool(wire, &span->unlisted);
	if (!span->first_port || span->first_port > span->last_port || !span->transports)
		v2m_wire_refuse(wire);
}

static void put_spans(struct v2m_wire *wire, struct v2m_key *key)
{
	key->spans =
		v2m_wire_array(wire, key->spans, &key->n_spans, SPAN_SIZE, sizeof(*key->spans));
	if (wire->reading)
		key->spans_capacity = key->n_spans;
	for (size_t i = 0; i < key->n_spans && !wire->failed; i++)
		put_span(wire, &key->spans[i]);
}

void v2m_put_strings(struct v2m_wire *wire, struct v2m_strings *strings)
{
	strings->items = v2m_wire_array(wire, strings->items, &strings->count, TEXT_SIZE,
					sizeof(*strings->items));
	if (wire->reading)
		strings->capacity = strings->count;
	for (size_t i = 0; i < strings->count; i++) {
		v2m_wire_text(wire, &strings->items[i]);
		if (!strings->items[i])
			v2m_wire_refuse(wire);
	}
	/* No item may be NULL. */
	while (strings->count && !strings->items[strings->count - 1])
		strings->count--;
}

void v2m_put_key(struct v2m_wire *wire, struct v2m_key *key)
{
	v2m_wire_text(wire, &key->id);
	v2m_wire_text(wire, &key->uuid);
	v2m_wire_text(wire, &key->name);
	v2m_wire_text(wire, &key->created_at);
	v2m_wire_text(wire, &key->short_id);
	v2m_wire_text(wire, &key->sni);
	v2m_wire_text(wire, &key->source);
	v2m_wire_bool(wire, &key->is_active);
	v2m_wire_u64(wire, &key->terms.limit_bytes);
	v2m_wire_i64(wire, &key->terms.expires_s);
	key->transports = v2m_wire_limited(wire, key->transports, V2M_TCP | V2M_UDP);
	put_spans(wire, key);
	v2m_put_strings(wire, &key->aliases);
}

static void put_key(struct v2m_wire *wire, struct v2m_key *key)
{
	v2m_put_key(wire, key);
	if (!key->id || !key->uuid || !key->name || !key->source ||
	    strlen(key->uuid) >= V2M_SUBJECT_LEN)
		v2m_wire_refuse(wire);
}

static void write_keys(struct v2m_wire *wire, const struct v2m_key *keys, size_t count)
{
	v2m_wire_count(wire, &count, V2M_KEY_WIRE_SIZE);
	/* Writing changes nothing. */
	for (size_t i = 0; i < count; i++)
		put_key(wire, (struct v2m_key *)&keys[i]);
}

void v2m_write_keyset(struct v2m_wire *wire, const struct v2m_keyset *keyset)
{
	write_keys(wire, keyset->keys, keyset->n_keys);
	write_keys(wire, keyset->orphans, keyset->n_orphans);
}

/* NULL: malformed, or out of memory. */
static struct v2m_key *read_keys(struct v2m_wire *wire, size_t *count)
{
	struct v2m_key *keys = v2m_wire_array(wire, NULL, count, V2M_KEY_WIRE_SIZE, sizeof(*keys));
	size_t n = 0;

	if (!keys)
		return NULL;
	while (n < *count && !wire->failed)
		put_key(wire, &keys[n++]);
	if (!wire->failed)
		return keys;
	while (n > 0)
		v2m_key_clear(&keys[--n]);
	free(keys);
	return NULL;
}

struct v2m_keyset *v2m_read_keyset(struct v2m_wire *wire)
{
	size_t n_keys = 0;
	size_t n_orphans = 0;
	struct v2m_key *keys = read_keys(wire, &n_keys);
	struct v2m_keyset *keyset = keys ? v2m_keyset_new(keys, n_keys) : NULL;
	struct v2m_key *orphans = keyset ? read_keys(wire, &n_orphans) : NULL;

	if (!orphans || (n_orphans && v2m_keyset_set_orphans(keyset, orphans, n_orphans))) {
		v2m_keyset_unref(keyset);
		return NULL;
	}
	if (!n_orphans)
		free(orphans);
	return keyset;
}
