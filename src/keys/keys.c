// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/uuid.h"
#include "keys/slot_order.h"

void v2m_key_clear(struct v2m_key *key)
{
	free(key->id);
	free(key->uuid);
	free(key->name);
	free(key->created_at);
	free(key->short_id);
	free(key->sni);
	free(key->source);
	free(key->identity);
	free(key->spans);
	v2m_strings_clear(&key->emails);
	v2m_strings_clear(&key->aliases);
	memset(key, 0, sizeof(*key));
}

int v2m_key_add_span(struct v2m_key *key, const struct v2m_span *span)
{
	struct v2m_span *grown;

	for (size_t i = 0; i < key->n_spans; i++) {
		struct v2m_span *known = &key->spans[i];

		if (known->first_port == span->first_port && known->last_port == span->last_port &&
		    known->loopback == span->loopback && known->front_port == span->front_port) {
			known->transports |= span->transports;
			known->visited = known->visited || span->visited;
			known->unlisted = known->unlisted || span->unlisted;
			return 0;
		}
	}
	if (key->n_spans == V2M_MAX_KEY_SPANS)
		return -ENOSPC;
	if (key->n_spans == key->spans_capacity) {
		size_t capacity = key->spans_capacity ? 2 * key->spans_capacity : 1;

		grown = reallocarray(key->spans, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		key->spans = grown;
		key->spans_capacity = capacity;
	}
	key->spans[key->n_spans++] = *span;
	return 0;
}

int v2m_key_add_port(struct v2m_key *key, uint16_t port)
{
	const struct v2m_span span = {
		.first_port = port,
		.last_port = port,
		.transports = key->transports,
	};

	return v2m_key_add_span(key, &span);
}

uint16_t v2m_key_port(const struct v2m_key *key)
{
	return key->n_spans ? key->spans[0].first_port : 0;
}

bool v2m_key_has_several_ports(const struct v2m_key *key)
{
	for (size_t i = 0; i < key->n_spans; i++)
		if (key->spans[i].first_port != key->spans[0].first_port ||
		    key->spans[i].first_port != key->spans[i].last_port)
			return true;
	return false;
}

static void free_keys(struct v2m_key *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++)
		v2m_key_clear(&keys[i]);
	free(keys);
}

static void free_slots(struct v2m_keyset *keyset)
{
	v2m_slots_clear(&keyset->slots);
	free(keyset->key_slots);
	free(keyset->first_slot);
}

static void free_keyset(struct v2m_keyset *keyset)
{
	free_keys(keyset->keys, keyset->n_keys);
	free_keys(keyset->orphans, keyset->n_orphans);
	free_slots(keyset);
	free(keyset);
}

static size_t count_spans(const struct v2m_key *keys, size_t n_keys)
{
	size_t count = 0;

	for (size_t i = 0; i < n_keys; i++)
		count += keys[i].n_spans;
	return count;
}

/* Makes the slots from the spans of all keys and orphans. 0 or -ENOMEM. */
static int lay_out_slots(struct v2m_keyset *keyset)
{
	size_t count = count_spans(keyset->keys, keyset->n_keys) +
		       count_spans(keyset->orphans, keyset->n_orphans);
	V2M_FREE struct v2m_key_span *spans = calloc(count + 1, sizeof(*spans));
	size_t n = 0;

	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < keyset->n_keys; i++)
		for (size_t k = 0; k < keyset->keys[i].n_spans; k++)
			spans[n++] = (struct v2m_key_span){ i, keyset->keys[i].spans[k] };
	for (size_t i = 0; i < keyset->n_orphans; i++)
		for (size_t k = 0; k < keyset->orphans[i].n_spans; k++)
			spans[n++] =
				(struct v2m_key_span){ V2M_NO_KEY, keyset->orphans[i].spans[k] };
	return v2m_slots_make(spans, n, &keyset->slots);
}

/* Makes room for the slots of each key. 0 or -ENOMEM. */
static int count_slots_of_keys(struct v2m_keyset *keyset)
{
	const struct v2m_slots *slots = &keyset->slots;

	keyset->first_slot = calloc(keyset->n_keys + 1, sizeof(*keyset->first_slot));
	if (!keyset->first_slot)
		return -ENOMEM;
	for (size_t i = 0; i < slots->count; i++)
		for (size_t k = 0; k < slots->items[i].n_keys && !slots->items[i].behind; k++)
			keyset->first_slot[slots->items[i].keys[k] + 1]++;
	for (size_t i = 0; i < keyset->n_keys; i++)
		keyset->first_slot[i + 1] += keyset->first_slot[i];
	keyset->key_slots =
		calloc(keyset->first_slot[keyset->n_keys] + 1, sizeof(*keyset->key_slots));
	return keyset->key_slots ? 0 : -ENOMEM;
}

/* Lists the slots of each key in the order of its spans. 0 or -ENOMEM. */
static int index_slots(struct v2m_keyset *keyset)
{
	const struct v2m_slots *slots = &keyset->slots;
	V2M_CLEANUP(v2m_slot_order_clear) struct v2m_slot_order order = { 0 };
	V2M_FREE size_t *filled = calloc(keyset->n_keys + 1, sizeof(*filled));

	if (!filled || count_slots_of_keys(keyset) || v2m_slot_order_open(&order, slots))
		return -ENOMEM;
	for (size_t i = 0; i < slots->count; i++)
		for (size_t k = 0; k < slots->items[i].n_keys && !slots->items[i].behind; k++) {
			size_t key = slots->items[i].keys[k];

			keyset->key_slots[keyset->first_slot[key] + filled[key]++] = i;
		}
	for (size_t i = 0; i < keyset->n_keys; i++)
		v2m_slot_order_sort(&order, keyset->keys[i].spans, keyset->keys[i].n_spans,
				    keyset->key_slots + keyset->first_slot[i], filled[i]);
	return 0;
}

struct v2m_keyset *v2m_keyset_new(struct v2m_key *keys, size_t n_keys)
{
	struct v2m_keyset *keyset = calloc(1, sizeof(*keyset));

	if (!keyset) {
		free_keys(keys, n_keys);
		return NULL;
	}
	keyset->references = 1;
	keyset->keys = keys;
	keyset->n_keys = n_keys;
	if (lay_out_slots(keyset) || index_slots(keyset)) {
		free_keyset(keyset);
		return NULL;
	}
	return keyset;
}

int v2m_keyset_set_orphans(struct v2m_keyset *keyset, struct v2m_key *orphans, size_t n_orphans)
{
	struct v2m_keyset made = {
		.references = 1,
		.keys = keyset->keys,
		.n_keys = keyset->n_keys,
		.orphans = orphans,
		.n_orphans = n_orphans,
	};

	if (lay_out_slots(&made) || index_slots(&made)) {
		free_slots(&made);
		free_keys(orphans, n_orphans);
		return -ENOMEM;
	}
	free_keys(keyset->orphans, keyset->n_orphans);
	free_slots(keyset);
	*keyset = made;
	return 0;
}

struct v2m_keyset *v2m_keyset_ref(struct v2m_keyset *keyset)
{
	__atomic_add_fetch(&keyset->references, 1, __ATOMIC_RELAXED);
	return keyset;
}

void v2m_keyset_unref(struct v2m_keyset *keyset)
{
	if (keyset && __atomic_sub_fetch(&keyset->references, 1, __ATOMIC_ACQ_REL) == 0)
		free_keyset(keyset);
}

void v2m_keyset_unrefp(struct v2m_keyset **keyset)
{
	v2m_keyset_unref(*keyset);
}

static const struct v2m_key *find_by_id(const struct v2m_keyset *keyset, const char *id,
					int (*compare)(const char *, const char *))
{
	for (size_t i = 0; i < keyset->n_keys; i++)
		if (compare(keyset->keys[i].id, id) == 0)
			return &keyset->keys[i];
	return NULL;
}

static const struct v2m_key *find_by_uuid(const struct v2m_keyset *keyset, const char *uuid)
{
	for (size_t i = 0; i < keyset->n_keys; i++)
		if (strcasecmp(keyset->keys[i].uuid, uuid) == 0)
			return &keyset->keys[i];
	return NULL;
}

static const struct v2m_key *find_by_alias(const struct v2m_keyset *keyset, const char *alias)
{
	for (size_t i = 0; i < keyset->n_keys; i++)
		for (size_t k = 0; k < keyset->keys[i].aliases.count; k++)
			if (strcasecmp(keyset->keys[i].aliases.items[k], alias) == 0)
				return &keyset->keys[i];
	return NULL;
}

const struct v2m_key *v2m_keyset_find(const struct v2m_keyset *keyset, const char *id_or_uuid)
{
	const struct v2m_key *by_id = find_by_id(keyset, id_or_uuid, strcmp);
	const struct v2m_key *by_uuid = find_by_uuid(keyset, id_or_uuid);
	char uuid[V2M_UUID_LEN];

	/* If the id is a UUID, upper and lower case are the same; in any other id they differ. */
	if (!by_id && v2m_uuid_canonical(id_or_uuid, uuid))
		by_id = find_by_id(keyset, id_or_uuid, strcasecmp);
	if (by_id && by_uuid && by_id != by_uuid)
		return NULL;
	if (by_id || by_uuid)
		return by_id ? by_id : by_uuid;
	return find_by_alias(keyset, id_or_uuid);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_spans(const struct v2m_key *a, const struct v2m_key *b)
{
	if (a->n_spans != b->n_spans)
		return false;
	for (size_t i = 0; i < a->n_spans; i++)
		if (a->spans[i].first_port != b->spans[i].first_port ||
		    a->spans[i].last_port != b->spans[i].last_port ||
		    a->spans[i].transports != b->spans[i].transports ||
		    a->spans[i].loopback != b->spans[i].loopback ||
		    a->spans[i].visited != b->spans[i].visited ||
		    a->spans[i].unlisted != b->spans[i].unlisted ||
		    a->spans[i].front_port != b->spans[i].front_port)
			return false;
	return true;
}

static bool same_strings(const struct v2m_strings *a, const struct v2m_strings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool same_key(const struct v2m_key *a, const struct v2m_key *b)
{
	return a->is_active == b->is_active && same_spans(a, b) &&
	       a->terms.limit_bytes == b->terms.limit_bytes &&
	       a->terms.expires_s == b->terms.expires_s && same_strings(&a->aliases, &b->aliases) &&
	       same_strings(&a->emails, &b->emails) && same_text(a->id, b->id) &&
	       same_text(a->uuid, b->uuid) && same_text(a->name, b->name) &&
	       same_text(a->created_at, b->created_at) && same_text(a->short_id, b->short_id) &&
	       same_text(a->sni, b->sni) && same_text(a->source, b->source);
}

bool v2m_keyset_equal(const struct v2m_keyset *a, const struct v2m_keyset *b)
{
	if (a->n_keys != b->n_keys || a->n_orphans != b->n_orphans)
		return false;
	for (size_t i = 0; i < a->n_keys; i++)
		if (!same_key(&a->keys[i], &b->keys[i]))
			return false;
	for (size_t i = 0; i < a->n_orphans; i++)
		if (!same_key(&a->orphans[i], &b->orphans[i]))
			return false;
	return true;
}

void v2m_key_complete_terms(struct v2m_key_terms *terms, const struct v2m_key_terms *other)
{
	if (!terms->limit_bytes)
		terms->limit_bytes = other->limit_bytes;
	if (!terms->expires_s)
		terms->expires_s = other->expires_s;
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
	for (size_t i = 0; keyset && i < keyset->slots.count; i++)
		if (keyset->slots.items[i].loopback)
			return true;
	return false;
}

size_t v2m_keyset_index(const struct v2m_keyset *keyset, const struct v2m_key *key)
{
	return (size_t)(key - keyset->keys);
}

const size_t *v2m_keyset_slots_of(const struct v2m_keyset *keyset, const struct v2m_key *key,
				  size_t *count)
{
	size_t index = v2m_keyset_index(keyset, key);
	size_t first = keyset->first_slot[index];

	*count = keyset->first_slot[index + 1] - first;
	return keyset->key_slots + first;
}

const struct v2m_key *v2m_keyset_owner(const struct v2m_keyset *keyset, const struct v2m_slot *slot)
{
	return slot->n_keys == 1 ? &keyset->keys[slot->keys[0]] : NULL;
}

bool v2m_keyset_shares(const struct v2m_keyset *keyset, const struct v2m_key *key)
{
	size_t count;
	const size_t *slots = v2m_keyset_slots_of(keyset, key, &count);

	for (size_t i = 0; i < count; i++)
		if (keyset->slots.items[slots[i]].n_keys > 1)
			return true;
	return false;
}

int v2m_key_subject(const struct v2m_key *key, char *subject, size_t size)
{
	return (int)v2m_lower_case(key->uuid, subject, size);
}

int v2m_keyset_subject(const struct v2m_keyset *keyset, const struct v2m_slot *slot, char *subject,
		       size_t size)
{
	const char *udp = slot->transports & V2M_TCP ? "" : "/udp";
	const char *word = slot->behind ? "behind" : "port";
	char range[16] = "";

	if (!slot->behind && slot->n_keys == 1)
		return v2m_key_subject(&keyset->keys[slot->keys[0]], subject, size);
	if (slot->last_port != slot->first_port)
		snprintf(range, sizeof(range), "-%u", slot->last_port);
	return snprintf(subject, size, "%s:%u%s%s", word, slot->first_port, range, udp);
}

void v2m_key_owner_name(const struct v2m_key *key, char name[static V2M_OWNER_KEY_LEN])
{
	if ((size_t)snprintf(name, V2M_OWNER_KEY_LEN, "%s", key->id) >= V2M_OWNER_KEY_LEN)
		v2m_uuid5(key->id, name);
}

int v2m_key_add_email(struct v2m_key *key, const char *email)
{
	if (!email || !*email || strlen(email) > V2M_KEY_EMAIL_MAX ||
	    v2m_strings_have(&key->emails, email))
		return 0;
	return v2m_strings_add(&key->emails, email);
}
