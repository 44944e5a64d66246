// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/sqlite_uri.h"

#include <stdio.h>
#include <string.h>

void v2m_sqlite_uri(const char *path, const char *query, char uri[static V2M_SQLITE_URI_MAX])
{
	/* Without this empty authority, SQLite would take the first name of a path that begins with
	 * two slashes for one. */
	size_t at =
		(size_t)snprintf(uri, V2M_SQLITE_URI_MAX, "file:%s", path[0] == '/' ? "//" : "");

	for (; *path && at + 32 < V2M_SQLITE_URI_MAX; path++)
		at += (size_t)snprintf(uri + at, V2M_SQLITE_URI_MAX - at,
				       strchr("%?#", *path) ? "%%%02x" : "%c", *path);
	snprintf(uri + at, V2M_SQLITE_URI_MAX - at, "%s", query);
}
