/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole files and directories. */
#ifndef V2METER_BASE_FILE_H
#define V2METER_BASE_FILE_H

#include <stddef.h>

#include "base/error.h"

/* Reads a whole file of at most max bytes, and ends it with a 0 that is not counted. 0 or -errno,
 * -EFBIG if the file is larger. *text is the caller's to free; it is untouched after an error. */
int v2m_read_file(const char *path, size_t max, char **text, size_t *length);

/*
 * Opens a file that other people write, for reading. It has to be a regular file on a real file
 * system: to open or read a FIFO, a terminal or a file like /proc/kmsg may take without end. A
 * descriptor, or -errno with *error.
 */
int v2m_open_regular(const char *path, struct v2m_error *error);
/* Reads such a file as v2m_read_file() does, with *error. */
int v2m_read_regular(const char *path, size_t max, char **text, size_t *length,
		     struct v2m_error *error);

/* Replaces a file: after a crash or power cut either the old or the new one is there, whole. It
 * writes a temporary file, PATH.new, and renames that. 0 or -errno; the old file stays then. */
int v2m_write_file(const char *path, const char *text, size_t length, unsigned mode);

/* Makes a directory with the mode, and its missing parents with theirs. One that is there keeps its
 * mode. 0 or -errno. */
int v2m_make_directories(const char *path, unsigned parents_mode, unsigned mode);

#endif
