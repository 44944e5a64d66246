/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The schema of the ledger's file, and how a file gets there. */
#ifndef V2METER_LEDGER_SCHEMA_H
#define V2METER_LEDGER_SCHEMA_H

#include <sqlite3.h>

#include "base/error.h"

/* PRAGMA application_id of our files: "V2ML". */
#define V2M_LEDGER_APPLICATION_ID 0x56324d4c

/* The version of the file's schema, 0 for an empty file. 0; -EPROTO for a file of a newer version
 * or of another program; -EUCLEAN if no version of ours can have written this; -errno. */
int v2m_schema_read_version(sqlite3 *db, int *version, struct v2m_error *error);
/* Brings a file of that version to the present schema, all steps in one transaction. 0 or -errno
 * with the file unchanged. */
int v2m_schema_migrate(sqlite3 *db, int version, struct v2m_error *error);
/* Checks the values of all tables except days, months and hours. 0; -EUCLEAN with a sentence;
 * -errno. */
int v2m_schema_check_values(sqlite3 *db, struct v2m_error *error);
/* Writes again into a file of the present schema that it is one: a transaction that changes
 * nothing. 0 or -errno. */
int v2m_schema_write_version(sqlite3 *db);

#endif
