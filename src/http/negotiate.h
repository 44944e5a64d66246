/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Headers of a request that decide the form of the answer (RFC 9110). */
#ifndef V2METER_HTTP_NEGOTIATE_H
#define V2METER_HTTP_NEGOTIATE_H

#include <stdbool.h>

/* Whether the client accepts gzip. header: the value of Accept-Encoding, or NULL. */
bool v2m_accepts_gzip(const char *header);
/* Whether the client has the answer with that entity tag. header: the value of If-None-Match, or
 * NULL; etag: with its quotes. A W/ in front makes no difference (section 13.1.2). */
bool v2m_etag_matches(const char *header, const char *etag);
/* Whether the client wants a fresh answer. header: the value of Cache-Control, or NULL. */
bool v2m_asks_for_fresh(const char *header);

#endif
