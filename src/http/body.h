/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The body of a request that is wanted. */
#ifndef V2METER_HTTP_BODY_H
#define V2METER_HTTP_BODY_H

#include <civetweb.h>

/* Tells a client that waits to be told (RFC 9110, section 10.1.1) that its body is wanted. */
void v2m_body_invite(struct mg_connection *connection);

/* Invites and reads the whole body, at most max bytes of it, into memory that grows with what has
 * arrived. *text is the caller's to free. 0; -EFBIG where it is larger, and is not read to its end;
 * -ETIMEDOUT where it is not here within seconds; -ECONNRESET where it ends early; -ENOMEM. */
int v2m_body_read(struct mg_connection *connection, size_t max, unsigned seconds, char **text,
		  size_t *length);

#endif
