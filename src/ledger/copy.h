/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps a copy of the file as an earlier version wrote it. With it, that version can be used again.
 */
#ifndef V2METER_LEDGER_COPY_H
#define V2METER_LEDGER_COPY_H

#include <sqlite3.h>

#include "base/error.h"

/* Copies the open file and its log to <path>.v<version> (mode 0600). Replaces an earlier copy of
 * that version. 0 with the copy on disk, or -errno with a sentence and an earlier copy unchanged.
 */
int v2m_ledger_copy_version(sqlite3 *db, const char *path, int version, struct v2m_error *error);

#endif
