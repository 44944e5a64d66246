/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of files as SQLite takes them with SQLITE_OPEN_URI. */
#ifndef V2METER_BASE_SQLITE_URI_H
#define V2METER_BASE_SQLITE_URI_H

#include <limits.h>

/* Every character may have to be escaped. */
#define V2M_SQLITE_URI_MAX (3 * PATH_MAX + 32)

/* The file of that path, whatever characters are in it; query: "" or what begins with '?'. A path
 * longer than PATH_MAX is cut off. */
void v2m_sqlite_uri(const char *path, const char *query, char uri[static V2M_SQLITE_URI_MAX]);

#endif
