/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The meaning of SQLite's result codes for the ledger. */
#ifndef V2METER_LEDGER_SQLITE_ERROR_H
#define V2METER_LEDGER_SQLITE_ERROR_H

#include <sqlite3.h>

#include "base/error.h"

/* -errno of an SQLite result code: -EBUSY locked, -ENOSPC full, -EROFS read-only, -EUCLEAN corrupt,
 * -ENOMEM, -EACCES cannot be opened, -EIO the rest; 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
int v2m_sqlite_errno(int code);
/* If SQLite knows only of an I/O error: the system's errno, if that says more. */
int v2m_sqlite_refine(sqlite3 *db, int result);
/* Writes "what: SQLite's text" and returns v2m_sqlite_errno() of the connection's last error. */
int v2m_sqlite_error(sqlite3 *db, const char *what, struct v2m_error *error);
int v2m_sqlite_exec(sqlite3 *db, const char *sql, struct v2m_error *error);

#endif
