/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys that could be taken for each other. The id of a key that has no uuid of its own is derived
 * from its name, and anyone can compute it and write it into a configuration as the uuid of another
 * key. Such a newcomer must neither get the bytes of the first key nor drive it out.
 */
#ifndef V2METER_KEYS_KEY_CLASH_H
#define V2METER_KEYS_KEY_CLASH_H

#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Whether the uuid of the key is derived from the name that its proxy knows it by. */
bool v2m_key_is_derived(const struct v2m_key *key);

/* Removes from the list, and notes, a key whose id or uuid another key has, or whose id is the uuid
 * of another key of its file, or the other way round. The key that previous does not have goes,
 * else the later one. previous: the active keys; NULL: none. If id and uuid are the same across
 * files, both keys stay, and the log warns: neither is found by that name. 0 or -ENOMEM. */
int v2m_key_clash_resolve(struct v2m_key_list *keys, const struct v2m_keyset *previous,
			  struct v2m_key_notes *notes);

/* Looks for a key of one file whose id is the uuid of another one, or the other way round. 1:
 * *second is the first key of the list that clashes with an earlier one, *first. 0: none. -ENOMEM.
 */
int v2m_key_clash_find_crossed(const struct v2m_key_list *keys, size_t *first, size_t *second);

#endif
