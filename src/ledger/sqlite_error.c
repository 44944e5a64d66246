// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ledger/sqlite_error.h"

#include <errno.h>
#include <stddef.h>

int v2m_sqlite_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EACCES;
	default:
		return -EIO;
	}
}

int v2m_sqlite_refine(sqlite3 *db, int result)
{
	int reason = sqlite3_system_errno(db);

	if (result != -EIO && result != -EACCES)
		return result;
	return reason == ENOSPC || reason == EDQUOT || reason == EROFS ? -reason : result;
}

int v2m_sqlite_error(sqlite3 *db, const char *what, struct v2m_error *error)
{
	int result = v2m_sqlite_refine(db, v2m_sqlite_errno(sqlite3_errcode(db)));

	return v2m_error_set(error, result, "%s: %s", what, sqlite3_errmsg(db));
}

int v2m_sqlite_exec(sqlite3 *db, const char *sql, struct v2m_error *error)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return v2m_sqlite_error(db, "ledger", error);
}
