/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Joins the keys of several sources by uuid. A key file or the panel's database decides about the
 * id, the name and everything that describes the customer. A V2Ray configuration decides about the
 * port, the transports and the loopback address. The log names disagreements by the ids of the
 * keys, never by their uuids.
 */
#ifndef V2METER_KEYS_KEY_JOIN_H
#define V2METER_KEYS_KEY_JOIN_H

#include "base/error.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"
#include "keys/live_source.h"

/* The keys that the sources held, each list in the order of the sources. */
struct v2m_gathered {
	struct v2m_key_list customers;   /* from key files and databases */
	struct v2m_key_list clients;     /* from V2Ray configurations */
	struct v2m_key_list assignments; /* from port files: uuid, port and source only */
	const struct v2m_keyset
		*previous; /* the active keys, which come before newcomers; NULL: none */
	const struct v2m_live_sources *live; /* NULL: no API can be asked */
	struct v2m_key_notes notes;          /* on entries that gave no key, or not all of one */
};

void v2m_gathered_clear(struct v2m_gathered *gathered);

/* Moves the keys into an empty list, in which ids and uuids are unique. A customer and a client
 * with the same uuid become one key. If two keys have the same id and different uuids, the one
 * that is known already or else the first one stays. 0; -EINVAL if a port file gives one port to
 * two keys by the same transport; or -ENOMEM. The caller clears both lists either way. */
int v2m_key_join(struct v2m_gathered *gathered, struct v2m_key_list *joined,
		 struct v2m_error *error);

#endif
