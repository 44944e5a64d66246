/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The settings of Marzban that are in no database: lines NAME = VALUE of its file ".env". */
#ifndef V2METER_KEYS_FORMATS_MARZBAN_ENV_H
#define V2METER_KEYS_FORMATS_MARZBAN_ENV_H

#include <limits.h>

#include "base/error.h"

/* The file that belongs to a database: ".env" in its directory, or that of Marzban's installer if
 * the database is where that puts it. */
void v2m_marzban_env_path(const char *database, char path[static PATH_MAX]);

/* The value of a setting in the text of such a file, malloc'd: without quotation marks and the
 * comment behind it. The last of several lines counts. NULL: there is none, or memory ran out. */
char *v2m_marzban_env_find(const char *text, const char *name);

#endif
