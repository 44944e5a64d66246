/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps the comparison with the proxies in the state directory. A failure is told in the log and
 * costs nothing else. */
#ifndef V2METER_DRIFT_DRIFT_KEEPER_H
#define V2METER_DRIFT_DRIFT_KEEPER_H

#include "drift/drift.h"

/* Fills an empty drift with what was kept. */
void v2m_drift_restore(const char *state_dir, struct v2m_drift *drift);
/* If nothing is compared, what was kept stays. */
void v2m_drift_keep(const char *state_dir, const struct v2m_drift *drift);

#endif
