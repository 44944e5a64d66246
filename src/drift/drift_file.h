/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The comparison with the proxies in a file, so that a restart of the daemon does not begin it
 * anew. */
#ifndef V2METER_DRIFT_DRIFT_FILE_H
#define V2METER_DRIFT_DRIFT_FILE_H

#include "base/error.h"
#include "drift/drift.h"

/* 0 or -errno. */
int v2m_drift_store(const char *path, const struct v2m_drift *drift);
/* Fills an empty drift. A file that is not there leaves it empty. 0; or -errno with a sentence and
 * an empty drift. */
int v2m_drift_load(const char *path, struct v2m_drift *drift, struct v2m_error *error);

#endif
