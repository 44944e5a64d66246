/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ledger's file: its schema, how it got there, and what SQLite's answers mean to us. */
#ifndef V2METER_LEDGER_SCHEMA_H
#define V2METER_LEDGER_SCHEMA_H

#include <sqlite3.h>

#include "base/error.h"

/* PRAGMA application_id of our files: "V2ML". */
#define V2M_LEDGER_APPLICATION_ID 0x56324d4c

/* -errno of an SQLite result code: -EBUSY locked, -ENOSPC full, -EROFS read-only, -EUCLEAN corrupt,
 * -ENOMEM, -EACCES cannot be opened, -EIO the rest; 0 for SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
int v2m_sqlite_errno(int code);
/* Where SQLite knows only of an I/O error, the system may know why. */
int v2m_sqlite_refine(sqlite3 *db, int result);
/* Writes "what: SQLite's text" and returns v2m_sqlite_errno() of the connection's last error. */
int v2m_sqlite_error(sqlite3 *db, const char *what, struct v2m_error *error);
int v2m_sqlite_exec(sqlite3 *db, const char *sql, struct v2m_error *error);

/* Brings an empty or older file to the present schema, all steps in one transaction. 0; -EPROTO for
 * a file of a newer schema or of another application; -errno. */
int v2m_schema_migrate(sqlite3 *db, struct v2m_error *error);
/* Writes into a file of the present schema that it is: a transaction that changes nothing. 0 or
 * -errno. */
int v2m_schema_write_version(sqlite3 *db);
/* The present version. */
int v2m_schema_version(void);

#endif
