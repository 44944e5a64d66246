/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The body of a request: reading it, and dropping it. */
#ifndef V2METER_HTTP_BODY_H
#define V2METER_HTTP_BODY_H

#include <civetweb.h>
#include <stdbool.h>
#include <stddef.h>

enum v2m_body_end {
	V2M_BODY_WHOLE,
	V2M_BODY_TOO_LARGE,
	V2M_BODY_INCOMPLETE, /* the body ended early, or did not arrive within two seconds */
};

/* Whether the request says that it has a body. */
bool v2m_body_is_announced(const struct mg_connection *connection);

/* Tells a client that waits for "100 Continue" to send its body (RFC 9110, section 10.1.1). */
void v2m_body_invite(struct mg_connection *connection);

/* Reads and drops the body, at most limit bytes of it. */
enum v2m_body_end v2m_body_drop(struct mg_connection *connection, size_t limit);

/* Invites and reads the whole body, at most max bytes of it. The memory grows with what has
 * arrived. The caller frees *text. 0; -EFBIG if the body is larger: some of it is left unread;
 * -ETIMEDOUT if it has not arrived after that many seconds; -ECONNRESET if it ends early; -ENOMEM.
 */
int v2m_body_read(struct mg_connection *connection, size_t max, unsigned seconds, char **text,
		  size_t *length);

#endif
