// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/body.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* mg_read() returns only when it has all the bytes that it was asked for, however slowly they
 * arrive. Small pieces let us look at the clock in between. */
#define PIECE_SIZE  1024
#define FIRST_SIZE  (64 * 1024)
#define DROP_NS_MAX 2000000000u

bool v2m_body_is_announced(const struct mg_connection *connection)
{
	return mg_get_request_info(connection)->content_length > 0 ||
	       mg_get_header(connection, "Transfer-Encoding");
}

void v2m_body_invite(struct mg_connection *connection)
{
	const char *expect = mg_get_header(connection, "Expect");

	if (expect && strcasecmp(expect, "100-continue") == 0)
		mg_write(connection, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Byte by byte, so that the clock is seen however slowly the bytes arrive. mg_read() does not tell
 * a body that stopped arriving from one that has ended; the length that was announced does. */
enum v2m_body_end v2m_body_drop(struct mg_connection *connection, size_t limit)
{
	const long long announced = mg_get_request_info(connection)->content_length;
	uint64_t start_ns = v2m_clock_mono_ns();
	size_t total = 0;
	char byte;
	int count;

	while ((count = mg_read(connection, &byte, 1)) > 0) {
		if (++total > limit)
			return V2M_BODY_TOO_LARGE;
		if (v2m_clock_mono_ns() - start_ns > DROP_NS_MAX)
			return V2M_BODY_INCOMPLETE;
	}
	if (count < 0 || (announced > 0 && total < (size_t)announced))
		return V2M_BODY_INCOMPLETE;
	return V2M_BODY_WHOLE;
}

/* Makes room for one more piece. A length that a client only announces costs no memory. */
static int make_room(char **buffer, size_t *size, size_t used)
{
	size_t wanted = *size ? 2 * *size : FIRST_SIZE;
	char *grown;

	if (*size - used >= PIECE_SIZE)
		return 0;
	grown = realloc(*buffer, wanted);
	if (!grown)
		return -ENOMEM;
	*buffer = grown;
	*size = wanted;
	return 0;
}

int v2m_body_read(struct mg_connection *connection, size_t max, unsigned seconds, char **text,
		  size_t *length)
{
	const long long announced = mg_get_request_info(connection)->content_length;
	const uint64_t end_ns = v2m_clock_mono_ns() + (uint64_t)seconds * 1000000000u;
	V2M_FREE char *buffer = NULL;
	size_t size = 0;
	size_t used = 0;
	int count;

	if (announced > 0 && (unsigned long long)announced > max)
		return -EFBIG;
	v2m_body_invite(connection);
	do {
		if (make_room(&buffer, &size, used))
			return -ENOMEM;
		count = mg_read(connection, buffer + used, PIECE_SIZE);
		if (count > 0)
			used += (size_t)count;
		if (used > max)
			return -EFBIG;
		if (v2m_clock_mono_ns() > end_ns)
			return -ETIMEDOUT;
	} while (count > 0);
	if (count < 0 || (announced > 0 && used < (size_t)announced))
		return -ECONNRESET;
	*text = V2M_TAKE(buffer);
	*length = used;
	return 0;
}
