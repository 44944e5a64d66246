/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The configuration of sing-box, one file or a directory of them: the lists of several files are
 * joined. The meaning of the members follows sing-box 1.13 (package option). The inbounds are put
 * into the form of V2Ray, and its rules make keys of them (v2ray_config.h).
 *
 *   name  the name of the user, or his username; else as in v2ray_config.h
 *   uuid  the uuid of a user of VMess, VLESS or TUIC; else made of the name
 *
 * Hysteria, Hysteria 2 and TUIC listen by UDP, Shadowsocks by both transports unless "network"
 * names one, and V2Ray's transport "quic" by UDP. Endpoints of WireGuard with a port have a key for
 * each peer.
 */
#ifndef V2METER_KEYS_FORMATS_SINGBOX_CONFIG_H
#define V2METER_KEYS_FORMATS_SINGBOX_CONFIG_H

#include "json/json_doc.h"
#include "keys/key_list.h"
#include "keys/key_notes.h"

/* Whether a document is a configuration of sing-box, or a part of one, by its members. */
bool v2m_singbox_is_config(const json_t *root);

/* Adds the keys of documents that were read with V2M_JSON_V2RAY. Returns as v2m_v2ray_read(). */
int v2m_singbox_read(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys,
		     struct v2m_key_notes *notes, struct v2m_error *error);

/* The list of inbounds of a configuration, in the form of V2Ray. NULL: out of memory. */
json_t *v2m_singbox_inbounds(const json_t *root);

#endif
