/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which key a person means. */
#ifndef V2METER_CTL_FIND_H
#define V2METER_CTL_FIND_H

#include "ctl/fallback.h"

/*
 * wanted is a key's id, uuid, name or port, in this order. Asks GET /api/keys and puts the id into
 * *id, the caller's to free. Where that list cannot be had, because the server is older or another
 * one keeps the keys, wanted itself is taken for the id. Otherwise, with the reason on stderr:
 * V2M_USAGE where several keys are meant (it lists their ids), V2M_REFUSED where none is, or the
 * API key is wrong, V2M_UNREACHED.
 */
enum v2m_outcome v2m_find_key(struct v2m_client *client, const char *wanted, char **id);

#endif
