// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/body.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* mg_read() returns only when it has all the bytes that it was asked for, however slowly they
 * arrive. Small pieces let us look at the clock in between. */
#define PIECE_SIZE  1024
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

/* Reads byte by byte, to look at the clock however slowly the bytes arrive. mg_read() returns 0
 * both if the body has ended and if it stopped arriving, so the length is compared with the
 * announced one. */
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

struct bytes {
	char *items;
	size_t count;
	size_t capacity;
};

static void clear_bytes(struct bytes *bytes)
{
	v2m_array_clear(bytes);
}

int v2m_body_read(struct mg_connection *connection, size_t max, unsigned seconds, char **text,
		  size_t *length)
{
	const long long announced = mg_get_request_info(connection)->content_length;
	const uint64_t end_ns = v2m_clock_mono_ns() + (uint64_t)seconds * 1000000000u;
	V2M_CLEANUP(clear_bytes) struct bytes body = { 0 };
	int count;

	if (announced > 0 && (unsigned long long)announced > max)
		return -EFBIG;
	v2m_body_invite(connection);
	do {
		/* A length that a client only announces costs no memory. */
		if (v2m_array_reserve(&body, PIECE_SIZE))
			return -ENOMEM;
		count = mg_read(connection, body.items + body.count, PIECE_SIZE);
		if (count > 0)
			body.count += (size_t)count;
		if (body.count > max)
			return -EFBIG;
		if (v2m_clock_mono_ns() > end_ns)
			return -ETIMEDOUT;
	} while (count > 0);
	if (count < 0 || (announced > 0 && body.count < (size_t)announced))
		return -ECONNRESET;
	*length = body.count;
	*text = V2M_TAKE(body.items);
	return 0;
}
