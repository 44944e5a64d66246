/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Several key sources at once, joined by uuid. Who knows best: of the id, the name and all that
 * describes a customer, a key file or the panel's database; of the port, the transports and the
 * loopback address, the V2Ray configuration. What disagrees is logged by the keys' ids, never by
 * their uuids.
 */
#ifndef V2METER_KEYS_KEY_JOIN_H
#define V2METER_KEYS_KEY_JOIN_H

#include "keys/key_list.h"

/* What the sources held, each list in the order of the sources. */
struct v2m_gathered {
	struct v2m_key_list customers;   /* of key files and databases */
	struct v2m_key_list clients;     /* of V2Ray configurations */
	struct v2m_key_list assignments; /* of port files: uuid, port and source alone */
};

void v2m_gathered_clear(struct v2m_gathered *gathered);

/* Moves the keys into an empty list, of which ids and uuids are unique: a key file's key and a
 * client with the same uuid are one key. So are a customer on port N and the client on port N of
 * an inbound with several ports. Of keys with the same id and different uuids the first one stays.
 * 0 or -ENOMEM; both are the caller's to clear either way. */
int v2m_key_join(struct v2m_gathered *gathered, struct v2m_key_list *joined);

#endif
