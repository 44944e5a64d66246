/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compares what the configurations say about ports with the sockets that listen (keys/claims.h). */
#ifndef V2METER_COLLECTOR_CLAIM_WATCH_H
#define V2METER_COLLECTOR_CLAIM_WATCH_H

#include <stdbool.h>

#include "collector/parts.h"

/* Whether the sockets say something else than before, so that the keys have to be read again. Looks
 * at every fifth sample, because a proxy that starts opens its sockets one after the other. */
bool v2m_claim_watch_has_changed(const struct v2m_parts *parts);

#endif
