/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The keys of a V2Ray or Xray configuration: the clients of its inbounds. What members mean was
 * taken from the configuration loaders of V2Ray 4.34 and Xray 25 (infra/conf).
 *
 * A client is a key; its port is that of its inbound, and several clients of one inbound share it.
 * A key has one port: where an inbound has a range or list of ports, every port gets a key of its
 * own, named "NAME:PORT". A client id that a later inbound repeats on another port becomes such a
 * key too; on the same port (an inbound for IPv4 and one for IPv6) it is the same key. Twice in one
 * inbound it is an error.
 *
 *   name  the email, else the inbound's tag, else "PROTOCOL-PORT"
 *   uuid  the client's id; for a key of one of several ports, and for protocols without ids, the
 *         key's id
 *   id    the UUIDv5 of the uuid in lower case; of the name where the protocol has no ids; with
 *         ":PORT" for a key of one of several ports. Clients without an email after the first of an
 *         inbound count as TAG#2, TAG#3, ...: passwords are not looked at.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_CONFIG_H
#define V2METER_KEYS_FORMATS_V2RAY_CONFIG_H

#include "json/json_doc.h"
#include "keys/key_list.h"

/* More keys than this, from inbounds with ranges of ports and many clients, are refused. */
#define V2M_V2RAY_MAX_KEYS 262144

/* Tells a V2Ray or Xray configuration, or a part of one, by its members. */
bool v2m_v2ray_is_config(const json_t *root);

/* Adds the keys of documents read with V2M_JSON_V2RAY, merged in their order: inbounds are
 * collected, and one with the tag of an inbound of an earlier document replaces it. What has no
 * port or no clients is left out; so is, with a warning in the log, a port from an environment
 * variable that is not set. created_at is NULL. 0, -EINVAL with the place, or -ENOMEM; the list is
 * the caller's to clear either way. */
int v2m_v2ray_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		   struct v2m_error *error);

#endif
