/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The keys of a V2Ray or Xray configuration: the users of its inbounds. The meaning of the members
 * follows the configuration loaders of V2Ray 4.34 and 5, and Xray 1 to 26 (infra/conf).
 *
 * A user is a key. Its ports are those of the inbound, and several users of an inbound share them.
 * A user whose id, or whose email if the protocol has no ids, stands in several inbounds is one key
 * with the ports of all of them. A user of an inbound that another inbound leads to (a fallback)
 * has the ports of that one too. On a unix socket that no inbound leads to, it has no port.
 *
 *   name  the email, else the tag of the inbound, else "PROTOCOL-PORT"
 *   uuid  the user's id; for protocols without ids, the id of the key
 *   id    the UUIDv5 of the uuid in lower case; of the name if the protocol has no ids. Users
 *         without an email after the first of an inbound count as TAG#2, TAG#3, ... Passwords are
 *         not read.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_CONFIG_H
#define V2METER_KEYS_FORMATS_V2RAY_CONFIG_H

#include "json/json_doc.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Whether a document is a V2Ray or Xray configuration, or a part of one, by its members. */
bool v2m_v2ray_is_config(const json_t *root);

/* Adds the keys of documents that were read with V2M_JSON_V2RAY, and merges them in their order.
 * Every inbound that gives no key is noted. created_at is NULL. 0; -EINVAL with the place, if the
 * proxies would not run with the file; or -ENOMEM. The caller clears the list either way. */
int v2m_v2ray_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		   struct v2m_key_notes *notes, struct v2m_error *error);

#endif
