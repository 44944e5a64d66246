/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The configuration of a server of Hysteria 2, as YAML or JSON. The meaning of the members follows
 * Hysteria 2.6 and newer (app/cmd/server.go).
 *
 * The port of "listen" is read, 443 if there is none. In ":20000-50000" the server listens on the
 * first port and has the kernel lead the others there; packets arrive at all of them, so all are
 * the ports of the keys. With "userpass", each user of "auth" is a key, known by his name in lower
 * case, as Hysteria compares it. With "password" there is one key. Users that another program
 * decides about are not in the file: they are one key too, and that is noted.
 */
#ifndef V2METER_KEYS_FORMATS_HYSTERIA_CONFIG_H
#define V2METER_KEYS_FORMATS_HYSTERIA_CONFIG_H

#include "json/json_doc.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Whether a document is a configuration of such a server, by its members. */
bool v2m_hysteria_is_config(const json_t *root);

/* Adds the keys of documents, each of a server of its own. Returns as v2m_v2ray_read(). */
int v2m_hysteria_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		      struct v2m_key_notes *notes, struct v2m_error *error);

#endif
