// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/body.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* mg_read() comes back only when it has all that it was asked for, however slowly that arrives: a
 * small piece lets us look at the clock. */
#define PIECE 1024
#define FIRST (64 * 1024)

void v2m_body_invite(struct mg_connection *connection)
{
	const char *expect = mg_get_header(connection, "Expect");

	if (expect && strcasecmp(expect, "100-continue") == 0)
		mg_write(connection, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* Room for one more piece. What a client announces costs nothing before it is here. */
static int make_room(char **buffer, size_t *size, size_t used)
{
	size_t wanted = *size ? 2 * *size : FIRST;
	char *grown;

	if (*size - used >= PIECE)
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
		count = mg_read(connection, buffer + used, PIECE);
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
