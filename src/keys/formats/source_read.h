/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading one key source, whatever its kind. */
#ifndef V2METER_KEYS_FORMATS_SOURCE_READ_H
#define V2METER_KEYS_FORMATS_SOURCE_READ_H

#include "keys/key_join.h"
#include "base/error.h"

/* Adds what the file or directory holds; *kind is a string constant that says what it is, "file"
 * as long as that is not known. The files of a directory that end in .json, .jsonc or .db are read
 * in the order of their names: V2Ray configurations together, the others each for itself, and what
 * is none of them is passed over. 0, or -errno with *error. */
int v2m_source_read(const char *path, struct v2m_gathered *gathered, const char **kind,
		    struct v2m_error *error);

/* Whether the name of a file in a directory says that it may be a source. */
bool v2m_source_is_candidate(const char *name);
/* Whether the file can be read and is an SQLite database. */
bool v2m_source_is_database(const char *path);

#endif
