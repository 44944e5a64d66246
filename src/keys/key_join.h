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
#include "keys/gathered.h"

/* Moves the keys into an empty list, in which ids and uuids are unique. A customer and a client
 * with the same uuid become one key. If two keys have the same id and different uuids, the one
 * that previous has, or else the first one, stays; previous may be NULL. 0; -EINVAL if a port file
 * gives one port to two keys by the same transport; or -ENOMEM. The caller clears both lists either
 * way. */
int v2m_key_join(struct v2m_gathered *gathered, const struct v2m_keyset *previous,
		 struct v2m_key_list *joined, struct v2m_error *error);

#endif
