// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * This relies on how civetweb 1.15 parses, in parse_http_request() and the functions that it calls.
 * Names, values and the version stay in one buffer, where they arrived. A NUL replaces each
 * character that ended one of them: "A: b\r\n" becomes "A", 0, " b", 0, 0. A NUL also replaces the
 * line feed that ends the header.
 */
#include "http/framing.h"

#include <string.h>
#include <strings.h>

/* civetweb reads the length "5x" as 5, uses the first of two lengths, ignores the encoding
 * "identity", and drops headers beyond its maximum. A proxy may read each of these in another way
 * (RFC 9112, section 6.3). */
static bool is_body_ambiguous(const struct mg_connection *connection)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	const char *encoding;
	const char *length;
	unsigned frames = 0;

	for (int i = 0; i < info->num_headers; i++)
		frames += strcasecmp(info->http_headers[i].name, "Content-Length") == 0 ||
			  strcasecmp(info->http_headers[i].name, "Transfer-Encoding") == 0;
	if (frames > 1 || info->num_headers == MG_MAX_HEADERS)
		return true;
	/* Most requests have no body, and each look-up goes through all headers. */
	if (frames == 0)
		return false;
	length = mg_get_header(connection, "Content-Length");
	encoding = mg_get_header(connection, "Transfer-Encoding");
	return (length && (!length[0] || length[strspn(length, "0123456789")])) ||
	       (encoding && strcasecmp(encoding, "chunked") != 0);
}

static const char *end_of(const char *text)
{
	return text + strlen(text);
}

/* Whether a blank stood before the colon, which RFC 9112, section 5.1 forbids. */
static bool is_name_padded(const struct mg_header *header)
{
	const char *end = end_of(header->name);

	return !end[1] && header->value != end + 1;
}

/*
 * Whether "\r\n\r\n" followed the last line. civetweb silently ends the headers at a line that
 * begins with a blank, a colon, a byte beyond ASCII or a lone '\r', and drops the rest.
 *
 * If the request ended with "\n\n", this reads up to two bytes behind it. They are older bytes of
 * the buffer or, if the request fills the buffer, the rest of malloc()'s block. Their value does
 * not matter: such a request may be refused as well as answered. AddressSanitizer reports a read of
 * that rest as an error, so it is off here.
 */
__attribute__((no_sanitize("address"))) static bool ends_headers(const char *end)
{
	return !end[1] && end[2] == '\r' && !end[3];
}

/* Whether a line ended with "\n" alone, a line was dropped, or more than a line's end followed the
 * first line. */
static bool is_header_ambiguous(const struct mg_request_info *info)
{
	const char *end = end_of(info->http_version);

	for (int i = 0; i < info->num_headers; i++) {
		const struct mg_header *header = &info->http_headers[i];

		if (header->name != end + 2 || is_name_padded(header))
			return true;
		end = end_of(header->value);
	}
	return info->num_headers > 0 && !ends_headers(end);
}

bool v2m_framing_is_ambiguous(const struct mg_connection *connection)
{
	return is_body_ambiguous(connection) ||
	       is_header_ambiguous(mg_get_request_info(connection));
}
