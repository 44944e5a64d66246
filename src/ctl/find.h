/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the key that a person names. */
#ifndef V2METER_CTL_FIND_H
#define V2METER_CTL_FIND_H

#include "ctl/fallback.h"

/*
 * wanted is a key's id, uuid, name or port; they are compared in this order. Asks GET /api/keys and
 * stores the id in *id, which the caller frees. If the server has no such list (it is older, or
 * another server keeps the keys), wanted itself is used as the id.
 *
 * Otherwise says why on stderr: V2M_USAGE if several keys fit (their ids are listed), V2M_REFUSED
 * if none fits or the API key is wrong, V2M_UNREACHED.
 */
enum v2m_outcome v2m_find_key(struct v2m_client *client, const char *wanted, char **id);

#endif
