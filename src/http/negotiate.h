/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request's headers say about the form of the answer (RFC 9110). */
#ifndef V2METER_HTTP_NEGOTIATE_H
#define V2METER_HTTP_NEGOTIATE_H

#include <stdbool.h>

/* header: the value of Accept-Encoding, or NULL. */
bool v2m_accepts_gzip(const char *header);
/* header: the value of If-None-Match, or NULL; etag: with its quotes. Compares weakly, as section
 * 13.1.2 asks: W/ in front makes no difference. */
bool v2m_etag_matches(const char *header, const char *etag);
/* header: the value of Cache-Control, or NULL. */
bool v2m_asks_for_fresh(const char *header);

#endif
