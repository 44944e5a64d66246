/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Orphans: ports of keys that are gone from their sources, or that have left these ports, while a
 * server still listens there. It still serves customers, so their bytes are counted for nobody.
 */
#ifndef V2METER_KEYS_ORPHANS_H
#define V2METER_KEYS_ORPHANS_H

#include "keys/keys.h"

/* Whether a server listens at the port. */
typedef bool (*v2m_is_open)(const void *context, uint16_t port, enum v2m_transport transport);

/* Finds the open ports that keys or orphans of the set before have, and no key of the next set, and
 * makes them orphans of the next set, which nobody else knows yet. 0, or -ENOMEM with the next set
 * unchanged. */
int v2m_orphans_find(const struct v2m_keyset *before, v2m_is_open is_open, const void *context,
		     struct v2m_keyset *next);

/* Whether every port of every orphan is open. */
bool v2m_orphans_are_open(const struct v2m_keyset *keyset, v2m_is_open is_open,
			  const void *context);

#endif
