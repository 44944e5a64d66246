// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_clash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/name_index.h"
#include "base/text.h"

/* The places of keys by their names. */
struct names {
	struct v2m_name_index ids;
	struct v2m_name_index lower_ids;
	struct v2m_name_index uuids; /* in lower case */
};

static void clear_names(struct names *names)
{
	v2m_name_index_clear(&names->ids);
	v2m_name_index_clear(&names->lower_ids);
	v2m_name_index_clear(&names->uuids);
}

static int add_names(struct names *names, const struct v2m_key *key, size_t place)
{
	char lower[V2M_SUBJECT_LEN];

	v2m_lower_case(key->id, lower, sizeof(lower));
	if (v2m_name_index_set(&names->ids, key->id, place) ||
	    v2m_name_index_set(&names->lower_ids, lower, place))
		return -ENOMEM;
	v2m_key_subject(key, lower, sizeof(lower));
	return v2m_name_index_set(&names->uuids, lower, place);
}

bool v2m_key_is_derived(const struct v2m_key *key)
{
	return key->identity && strcasecmp(key->identity, key->uuid) != 0 &&
	       strcasecmp(key->id, key->uuid) == 0;
}

/* Whether an earlier key has the id or the uuid. */
static bool find_same(const struct names *names, const struct v2m_key *key, size_t *place)
{
	char lower[V2M_SUBJECT_LEN];

	v2m_key_subject(key, lower, sizeof(lower));
	return v2m_name_index_find(&names->uuids, lower, place) ||
	       v2m_name_index_find(&names->ids, key->id, place);
}

/* Whether the id of an earlier key is the uuid of this one, or the other way round. */
static bool find_crossed(const struct names *names, const struct v2m_key *key, size_t *place)
{
	char lower[V2M_SUBJECT_LEN];

	v2m_key_subject(key, lower, sizeof(lower));
	if (v2m_name_index_find(&names->lower_ids, lower, place))
		return true;
	v2m_lower_case(key->id, lower, sizeof(lower));
	return v2m_name_index_find(&names->uuids, lower, place);
}

int v2m_key_clash_find_crossed(const struct v2m_key_list *keys, size_t *first, size_t *second)
{
	V2M_CLEANUP(clear_names) struct names names = { 0 };

	for (size_t i = 0; i < keys->count; i++) {
		if (find_crossed(&names, &keys->items[i], first)) {
			*second = i;
			return 1;
		}
		if (add_names(&names, &keys->items[i], i))
			return -ENOMEM;
	}
	return 0;
}

/* The state while clashes are resolved. */
struct resolving {
	struct v2m_key_list *keys;
	const struct v2m_keyset *previous;
	struct v2m_name_index
		known; /* places of previous keys by uuid; filled if there is a clash */
	bool is_filled;
	struct v2m_key_notes *notes;
	bool *dropped;
};

static int fill_known(struct resolving *resolving)
{
	const struct v2m_keyset *previous = resolving->previous;

	for (size_t i = 0; previous && !resolving->is_filled && i < previous->n_keys; i++) {
		char lower[V2M_SUBJECT_LEN];

		v2m_key_subject(&previous->keys[i], lower, sizeof(lower));
		if (v2m_name_index_set(&resolving->known, lower, i))
			return -ENOMEM;
	}
	resolving->is_filled = true;
	return 0;
}

static bool was_known(const struct resolving *resolving, const struct v2m_key *key)
{
	const struct v2m_key *earlier;
	char lower[V2M_SUBJECT_LEN];
	size_t place;

	v2m_key_subject(key, lower, sizeof(lower));
	if (!v2m_name_index_find(&resolving->known, lower, &place))
		return false;
	earlier = &resolving->previous->keys[place];
	return strcmp(earlier->id, key->id) == 0 &&
	       v2m_key_is_derived(earlier) == v2m_key_is_derived(key);
}

/* Drops the newcomer. *dropped_earlier: it is the earlier key of the list. 0 or -ENOMEM. */
static int drop_newcomer(struct resolving *resolving, size_t earlier, size_t later,
			 bool *dropped_earlier)
{
	const struct v2m_key *first = &resolving->keys->items[earlier];
	const struct v2m_key *second = &resolving->keys->items[later];
	const struct v2m_key *newcomer;
	const struct v2m_key *holder;

	if (fill_known(resolving))
		return -ENOMEM;
	*dropped_earlier = was_known(resolving, second) && !was_known(resolving, first);
	newcomer = *dropped_earlier ? first : second;
	holder = *dropped_earlier ? second : first;
	resolving->dropped[*dropped_earlier ? earlier : later] = true;
	v2m_key_note_file(resolving->notes, V2M_NOTE_MISSING, newcomer->source,
			  "key \"%s\" is left out: the key \"%s\" of %s has its id or uuid, or is "
			  "named by it",
			  newcomer->name, holder->name, holder->source);
	return 0;
}

static int resolve_key(struct resolving *resolving, struct names *names, size_t place)
{
	const struct v2m_key *key = &resolving->keys->items[place];
	bool dropped_earlier = false;
	size_t other;
	int result = 0;

	if (find_same(names, key, &other)) {
		result = drop_newcomer(resolving, other, place, &dropped_earlier);
	} else if (find_crossed(names, key, &other)) {
		const struct v2m_key *earlier = &resolving->keys->items[other];

		if (strcmp(earlier->source, key->source) == 0)
			result = drop_newcomer(resolving, other, place, &dropped_earlier);
		else
			v2m_log_warning("the id of key \"%s\" of %s or of key \"%s\" of %s is the "
					"uuid of the other one: neither is found by that name",
					earlier->name, earlier->source, key->name, key->source);
	}
	if (result || resolving->dropped[place])
		return result;
	return add_names(names, key, place);
}

static void remove_dropped(struct resolving *resolving)
{
	struct v2m_key_list *keys = resolving->keys;
	size_t n = 0;

	for (size_t i = 0; i < keys->count; i++) {
		if (resolving->dropped[i])
			v2m_key_clear(&keys->items[i]);
		else
			keys->items[n++] = keys->items[i];
	}
	keys->count = n;
}

int v2m_key_clash_resolve(struct v2m_key_list *keys, const struct v2m_keyset *previous,
			  struct v2m_key_notes *notes)
{
	V2M_CLEANUP(clear_names) struct names names = { 0 };
	V2M_FREE bool *dropped = calloc(keys->count + 1, sizeof(*dropped));
	struct resolving resolving = {
		.keys = keys,
		.previous = previous,
		.notes = notes,
		.dropped = dropped,
	};
	int result = dropped ? 0 : -ENOMEM;

	for (size_t i = 0; i < keys->count && !result; i++)
		result = resolve_key(&resolving, &names, i);
	v2m_name_index_clear(&resolving.known);
	if (!result)
		remove_dropped(&resolving);
	return result;
}
