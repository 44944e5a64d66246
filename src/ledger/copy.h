/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A copy of the ledger's file as an earlier version wrote it: the way back to that version. */
#ifndef V2METER_LEDGER_COPY_H
#define V2METER_LEDGER_COPY_H

#include <sqlite3.h>

#include "base/error.h"

/* Copies the open file, its log included, to <path>.v<version> (mode 0600), in place of an earlier
 * copy of that version. On disk when this returns 0; -errno with a sentence, and an earlier copy is
 * unchanged. */
int v2m_ledger_copy_version(sqlite3 *db, const char *path, int version, struct v2m_error *error);

#endif
