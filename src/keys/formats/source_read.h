/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads one key source of any format. */
#ifndef V2METER_KEYS_FORMATS_SOURCE_READ_H
#define V2METER_KEYS_FORMATS_SOURCE_READ_H

#include <stdbool.h>

#include "base/error.h"
#include "keys/gathered.h"
#include "keys/live_source.h"

/*
 * Adds the keys of a file or directory, or of a live source. If a configuration names an API that
 * answers, the running proxy is read in its place. *kind is a string constant: the
 * name of the format, "directory", "proxy API", or "file" if the format is unknown. In a directory,
 * the files with the ending of a format are read in the order of their names, and files without
 * keys are passed over. Only regular files are read. 0, or -errno with *error.
 */
int v2m_source_read(const char *path, const struct v2m_live_sources *live,
		    struct v2m_gathered *gathered, const char **kind, struct v2m_error *error);

/* Whether the file can be read and is an SQLite database. */
bool v2m_source_is_database(const char *path);

#endif
