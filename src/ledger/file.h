/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ledger's file on disk: opened for its owner alone, checked, and set aside if it is damaged.
 */
#ifndef V2METER_LEDGER_FILE_H
#define V2METER_LEDGER_FILE_H

#include <sqlite3.h>

#include "base/error.h"

/* Opens or makes the file (mode 0600, whatever the umask; SQLite gives -wal and -shm the same),
 * WAL, synchronous=FULL, checks it and brings it to the present schema. 0; -EUCLEAN if it is
 * damaged; -errno. */
int v2m_ledger_file_open(const char *path, sqlite3 **db, struct v2m_error *error);
/* Opens an existing file of the present schema for reading, if the disk takes no writes. 0 or
 * -errno. */
int v2m_ledger_file_open_readonly(const char *path, sqlite3 **db, struct v2m_error *error);
/* Renames path, path-wal and path-shm to *.corrupt-<time>; nobody may have the file open. *name is
 * the new name of the database, which the caller frees. 0 or -errno. */
int v2m_ledger_file_set_aside(const char *path, char **name, struct v2m_error *error);
/* Closes without a checkpoint, so that a damaged file stays as it was found. */
void v2m_ledger_file_abandon(sqlite3 *db);

#endif
