/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ports that lose their key while a server still listens there: they go on being counted, for
 * nobody. The log names the key, and the health has a reason.
 */
#ifndef V2METER_COLLECTOR_ORPHAN_WATCH_H
#define V2METER_COLLECTOR_ORPHAN_WATCH_H

#include <stdbool.h>

#include "collector/parts.h"
#include "keys/keys.h"

/* Gives a set that was just read the orphans of the active set. If the sockets cannot be listed,
 * every port that loses its key counts as open. 0 or -ENOMEM. */
int v2m_orphan_watch_adopt(const struct v2m_parts *parts, struct v2m_keyset *next);
/* After a set has become the active one: says in log and health which ports are orphans. before is
 * the set that was active. */
void v2m_orphan_watch_tell(const struct v2m_parts *parts, const struct v2m_keyset *before);
/* Whether a server has left a port of an orphan since, so that the keys have to be read again.
 * Looks at most every five seconds. */
bool v2m_orphan_watch_is_over(const struct v2m_parts *parts);

#endif
