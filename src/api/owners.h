/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose the bytes of an entry are: one key's, those of several keys, or nobody's. Private to the
 * renderers. */
#ifndef V2METER_API_OWNERS_H
#define V2METER_API_OWNERS_H

#include "api/parts.h"

/* The members about the keys of an entry, from "uuid" to "unattributed". */
void v2m_api_put_owners(struct v2m_api *api, const struct v2m_api_entry *entry);
/* Members "rx_bytes", "tx_bytes" and "total_bytes". */
void v2m_api_put_figures(struct v2m_json_writer *json, const struct v2m_api_figures *figures);
/* Members "shared" and "keys" about the slot with that first port that is no single key's. */
void v2m_api_put_shared(struct v2m_json_writer *json, const struct v2m_keyset *keyset,
			uint16_t port);

#endif
