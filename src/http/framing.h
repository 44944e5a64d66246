/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a request ends, for us and for a proxy in front of us. */
#ifndef V2METER_HTTP_FRAMING_H
#define V2METER_HTTP_FRAMING_H

#include <civetweb.h>
#include <stdbool.h>

/* Largest size of the request line and all headers together: a little over 8 KiB. The size is two
 * less than a multiple of malloc()'s block alignment, because framing.c may read two bytes further.
 */
#define V2M_REQUEST_HEADER_MAX "8206"

/* Whether a proxy in front of us may see the request's header or body end at another place than we
 * do. It would then take a part of this request for the next one, or the reverse (RFC 9112, section
 * 11.2). A request without headers is never called ambiguous; it must be the last of its
 * connection. */
bool v2m_framing_is_ambiguous(const struct mg_connection *connection);

#endif
