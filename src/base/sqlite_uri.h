/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* File names in the form that SQLite takes with SQLITE_OPEN_URI. */
#ifndef V2METER_BASE_SQLITE_URI_H
#define V2METER_BASE_SQLITE_URI_H

#include <limits.h>

/* Enough for a path in which every character has to be escaped. */
#define V2M_SQLITE_URI_MAX (3 * PATH_MAX + 32)

/* The URI of the file with that path, whatever characters it has. query is "" or begins with '?'. A
 * path longer than PATH_MAX is cut off. */
void v2m_sqlite_uri(const char *path, const char *query, char uri[static V2M_SQLITE_URI_MAX]);

#endif
