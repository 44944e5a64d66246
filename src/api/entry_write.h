/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the port entry of docs/openapi.yaml, or an answer in its place. Private to the renderers.
 */
#ifndef V2METER_API_ENTRY_WRITE_H
#define V2METER_API_ENTRY_WRITE_H

#include "api/entry.h"

/* These write values. */
void v2m_api_write_entry(struct v2m_api *api, const struct v2m_api_entry *entry);
/* The entry of slots that are not counted: whose they are, and why they are not counted. */
void v2m_api_write_not_counted(struct v2m_api *api, const struct v2m_api_entry *entry);
/* The entry of a key. If the key has no port, or none that is counted: an entry that says so,
 * without figures. If other keys share one of its ports: an entry with what it counted alone. */
void v2m_api_write_key_entry(struct v2m_api *api, const struct v2m_key *key);

/* True if a key's figures are not known: then *body is the answer that says so, and *result is what
 * the renderer returns. If the reason is a shared port, the answer has what the key counted alone.
 */
bool v2m_api_refuse_key(const struct v2m_snapshot *snapshot, enum v2m_api_bytes unit,
			const struct v2m_key *key, struct v2m_body *body, int *result);
/* "accounting": how the bytes of the entry were measured; of the whole meter if it is NULL. */
void v2m_api_put_accounting(struct v2m_api *api, const struct v2m_api_entry *entry);

#endif
