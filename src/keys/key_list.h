/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A list of keys that grows while they are read. In the end a key set is made from it. */
#ifndef V2METER_KEYS_KEY_LIST_H
#define V2METER_KEYS_KEY_LIST_H

#include <stddef.h>

#include "keys/keys.h"

/* The most keys that one source may have, and the most entries for a key in several inbounds. */
#define V2M_MAX_KEYS        32768
#define V2M_MAX_KEY_ENTRIES (4 * V2M_MAX_KEYS)

struct v2m_key_list {
	struct v2m_key *items;
	size_t count;
	size_t capacity;
};

/* Appends the key and empties *key, also after an error. 0 or -ENOMEM. */
int v2m_key_list_add(struct v2m_key_list *list, struct v2m_key *key);
void v2m_key_list_clear(struct v2m_key_list *list);

/* Moves the keys of another list to the end. 0, or -ENOMEM with both lists unchanged. */
int v2m_key_list_move(struct v2m_key_list *list, struct v2m_key_list *other);

/* Moves the keys into a new key set. 0 or -ENOMEM; the list is empty either way. */
int v2m_key_list_seal(struct v2m_key_list *list, struct v2m_keyset **keyset);
/* Moves the keys into the key set as its orphans. 0 or -ENOMEM; the list is empty either way. */
int v2m_key_list_seal_orphans(struct v2m_key_list *list, struct v2m_keyset *keyset);

/* Orders two keys. 0: the keys clash. */
typedef int (*v2m_key_order)(const struct v2m_key *a, const struct v2m_key *b);
int v2m_key_order_by_id(const struct v2m_key *a, const struct v2m_key *b);
int v2m_key_order_by_uuid(const struct v2m_key *a, const struct v2m_key *b);

/* Looks for keys that clash. 1: *second is the first key of the list that clashes with an earlier
 * one, *first. 0: none clash. -ENOMEM. */
int v2m_key_list_clash(const struct v2m_key_list *list, v2m_key_order order, size_t *first,
		       size_t *second);

/* Looks for keys that use the same port by the same transport. 1: *second is the first key of the
 * list that shares a port with an earlier one, *first, and *port is one that they share. 0: no keys
 * share a port. -ENOMEM. */
int v2m_key_list_port_clash(const struct v2m_key_list *list, size_t *first, size_t *second,
			    uint16_t *port);

#endif
