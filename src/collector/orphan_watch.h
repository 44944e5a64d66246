/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Watches the ports that have lost their key while a server still listens there (keys/orphans.h).
 * The log names the former key, and the health gives a reason. Compares what the configurations say
 * about ports with the sockets that listen (keys/claims.h).
 */
#ifndef V2METER_COLLECTOR_ORPHAN_WATCH_H
#define V2METER_COLLECTOR_ORPHAN_WATCH_H

#include <stdbool.h>

#include "collector/parts.h"
#include "keys/keys.h"

/* Finds the orphans of a key set that was just read. If the sockets cannot be listed, every port
 * that loses its key is taken as open. 0 or -ENOMEM. */
int v2m_orphan_watch_find(const struct v2m_parts *parts, struct v2m_keyset *next);
/* Reports the orphans of the active set in the log and the health. before is the set that was
 * active until now. */
void v2m_orphan_watch_report(const struct v2m_parts *parts, const struct v2m_keyset *before);
/* Whether a server has left a port of an orphan, so that the keys have to be read again. Looks at
 * most every five seconds. */
bool v2m_orphan_watch_has_ended(const struct v2m_parts *parts);

/* Whether the sockets say something else about the claims than before, so that the keys have to be
 * read again. Looks after every fifth sample. */
bool v2m_orphan_watch_claims_changed(const struct v2m_parts *parts);

#endif
