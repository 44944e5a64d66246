/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Percent-encoded text in paths and query strings (RFC 3986, section 2.1). */
#ifndef V2METER_HTTP_DECODE_H
#define V2METER_HTTP_DECODE_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes length characters and adds a 0. False: an encoding is malformed or stands for a 0, or the
 * text does not fit into size bytes. */
bool v2m_percent_decode(const char *text, size_t length, char *decoded, size_t size);
/* Decodes the first parameter with that name. query: a query string or NULL. 0; -ENOENT if there is
 * no such parameter; -EINVAL if it cannot be decoded or is too long. */
int v2m_query_value(const char *query, const char *name, char *value, size_t size);

#endif
