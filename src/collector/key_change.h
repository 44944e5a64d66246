/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes of the active key set. In a change the kernel first counts the new ports. Then a sample,
 * which has the leaving ports a last time, is accounted to the old owners. Then the new owners take
 * over. So each key gets exactly the bytes of its own time.
 */
#ifndef V2METER_COLLECTOR_KEY_CHANGE_H
#define V2METER_COLLECTOR_KEY_CHANGE_H

#include "base/error.h"
#include "collector/parts.h"

/* Loads the first keys. Bytes that were counted while the daemon was away go to the last good keys.
 * These stay active if the sources are broken, and until they have been read if that takes long. 0,
 * or -errno if there are no keys to begin with: -EINVAL if a source is wrong, -ECANCELED if the
 * daemon is told to end meanwhile, else another start may succeed. */
int v2m_key_change_start(struct v2m_parts *parts, struct v2m_error *error);
/* Has the key sources read. */
void v2m_key_change_load(struct v2m_parts *parts);
/* Activates what was read. If that fails the active set stays, and the log says so. */
void v2m_key_change_take(struct v2m_parts *parts);
/* Activates the set that waits, if there is one. */
void v2m_key_change_retry(struct v2m_parts *parts);
/* Has the key sources read if no server listens at an orphan any more, or if the sockets that
 * listen say something else than before. */
void v2m_key_change_follow_sockets(struct v2m_parts *parts);

#endif
