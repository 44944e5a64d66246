/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a request ends: for us, and for a proxy that has passed it on. */
#ifndef V2METER_HTTP_FRAMING_H
#define V2METER_HTTP_FRAMING_H

#include <civetweb.h>
#include <stdbool.h>

/* Of the request line and all headers together: 8 KiB and a little. Two less than a multiple of
 * what malloc() gives its blocks by: framing.c looks that far. */
#define V2M_REQUEST_HEADER_MAX "8206"

/* Whether a proxy in front of us may see the request's header or its body end elsewhere than we do:
 * then the next request may be another than the one it has sent (RFC 9112, section 11.2). One
 * without any headers never is, and must be the last of its connection. */
bool v2m_framing_is_ambiguous(const struct mg_connection *connection);

#endif
