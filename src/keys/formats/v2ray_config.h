/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The keys of a V2Ray or Xray configuration: the clients of its inbounds. The meaning of the
 * members follows the configuration loaders of V2Ray 4.34 and Xray 25 (infra/conf).
 *
 * A client is a key. Its port is that of the inbound, and several clients of an inbound share it. A
 * key has one port. If an inbound has a range or list of ports, each port gets a key of its own,
 * named "NAME:PORT". If a later inbound has the same client id on another port, that also becomes
 * such a key; on the same port (an inbound for IPv4 and one for IPv6) it is the same key. Twice in
 * one inbound it is an error.
 *
 *   name  the email, else the tag of the inbound, else "PROTOCOL-PORT"
 *   uuid  the client's id; for a key on one of several ports, and for protocols without ids, the
 *         id of the key
 *   id    the UUIDv5 of the uuid in lower case; of the name if the protocol has no ids; with
 *         ":PORT" for a key on one of several ports. Clients without an email after the first of
 *         an inbound count as TAG#2, TAG#3, ... Passwords are not read.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_CONFIG_H
#define V2METER_KEYS_FORMATS_V2RAY_CONFIG_H

#include "json/json_doc.h"
#include "keys/key_list.h"

/* An error if there are more keys: inbounds with many ports and many clients. */
#define V2M_V2RAY_MAX_KEYS 262144

/* Whether a document is a V2Ray or Xray configuration, or a part of one, by its members. */
bool v2m_v2ray_is_config(const json_t *root);

/* Adds the keys of documents that were read with V2M_JSON_V2RAY. They are merged in their order: an
 * inbound replaces the inbound of an earlier document with the same tag. Inbounds without a port or
 * without clients are left out. So are, with a warning, inbounds whose port is an environment
 * variable that is not set. created_at is NULL. 0, -EINVAL with the place, or -ENOMEM; the caller
 * clears the list either way. */
int v2m_v2ray_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		   struct v2m_error *error);

#endif
