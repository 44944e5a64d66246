/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_COLLECTOR_KEY_LOOKUP_H
#define V2METER_COLLECTOR_KEY_LOOKUP_H

#include "api/meter.h"
#include "collector/parts.h"

/* Finds an active key whose bytes can be told, or that has no port: V2M_OK. Otherwise
 * V2M_KEY_NOT_FOUND, V2M_KEY_SHARES_PORT or V2M_KEY_IS_UDP. */
enum v2m_verdict v2m_key_lookup(const struct v2m_parts *parts, const char *id_or_uuid,
				const struct v2m_key **key);
/* The same for answers about history. A key that shares a port is V2M_OK here: the answer holds
 * what was counted while the key had its ports to itself. */
enum v2m_verdict v2m_key_lookup_history(const struct v2m_parts *parts, const char *id_or_uuid,
					const struct v2m_key **key);

#endif
