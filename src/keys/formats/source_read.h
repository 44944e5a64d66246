/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading one key source, whatever its format. */
#ifndef V2METER_KEYS_FORMATS_SOURCE_READ_H
#define V2METER_KEYS_FORMATS_SOURCE_READ_H

#include <stdbool.h>

#include "base/error.h"
#include "keys/key_join.h"

/*
 * Adds the keys of a file or directory. *kind is a string constant that names its format; "file"
 * until the format is known, "directory" for a directory. From a directory, the files with the
 * ending of a format are read in the order of their names. Files that hold no keys are passed over.
 * 0, or -errno with *error.
 */
int v2m_source_read(const char *path, struct v2m_gathered *gathered, const char **kind,
		    struct v2m_error *error);

/* Whether the file can be read and is an SQLite database. */
bool v2m_source_is_database(const char *path);

#endif
