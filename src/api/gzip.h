/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_API_GZIP_H
#define V2METER_API_GZIP_H

#include <stddef.h>

/* Compresses bytes. The same input always gives the same output. 0 with *packed (the caller frees
 * it) and *packed_length filled in, or -ENOMEM. */
int v2m_gzip(const char *plain, size_t length, char **packed, size_t *packed_length);

#endif
