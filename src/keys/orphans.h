/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Orphans are ports that have lost their keys while a server still listens there. The key is gone
 * from its source, or has other ports now. The server still serves customers, so these ports are
 * counted for no key.
 */
#ifndef V2METER_KEYS_ORPHANS_H
#define V2METER_KEYS_ORPHANS_H

#include "keys/keys.h"

/* Whether a server listens at the port. */
typedef bool (*v2m_is_open)(const void *context, uint16_t port, enum v2m_transport transport);

/* Finds the open ports that belonged to a key or an orphan of the set before, and belong to no key
 * of the next set. Makes them the orphans of the next set, which nobody else may know yet. 0, or
 * -ENOMEM with the next set unchanged. */
int v2m_orphans_find(const struct v2m_keyset *before, v2m_is_open is_open, const void *context,
		     struct v2m_keyset *next);

/* Whether every port of every orphan is open. */
bool v2m_orphans_are_open(const struct v2m_keyset *keyset, v2m_is_open is_open,
			  const void *context);

#endif
