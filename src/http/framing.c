// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Read of civetweb 1.15, parse_http_request() and what it calls. Names, values and the version lie
 * in one buffer, as they came, with a NUL for each character that has ended one: "A: b\r\n" is "A",
 * 0, " b", 0, 0. The header's last character, a line feed, is a NUL as well.
 */
#include "http/framing.h"

#include <string.h>
#include <strings.h>

/* civetweb takes "5x" for 5, the first of two lengths, any encoding it knows for none, and of many
 * headers the first ones (RFC 9112, section 6.3). */
static bool is_body_ambiguous(const struct mg_connection *connection)
{
	const struct mg_request_info *info = mg_get_request_info(connection);
	const char *length = mg_get_header(connection, "Content-Length");
	const char *encoding = mg_get_header(connection, "Transfer-Encoding");
	unsigned frames = 0;

	for (int i = 0; i < info->num_headers; i++)
		frames += strcasecmp(info->http_headers[i].name, "Content-Length") == 0 ||
			  strcasecmp(info->http_headers[i].name, "Transfer-Encoding") == 0;
	if (frames > 1 || info->num_headers == MG_MAX_HEADERS)
		return true;
	return (length && (!length[0] || length[strspn(length, "0123456789")])) ||
	       (encoding && strcasecmp(encoding, "chunked") != 0);
}

static const char *end_of(const char *text)
{
	return text + strlen(text);
}

/* Whether there was a blank before the colon (RFC 9112, section 5.1). */
static bool is_name_padded(const struct mg_header *header)
{
	const char *end = end_of(header->name);

	return !end[1] && header->value != end + 1;
}

/*
 * Whether the last line was followed by "\r\n\r\n". civetweb silently ends the headers at a line
 * that begins with a blank, a colon, a byte beyond ASCII or a lone '\r', and drops what is behind.
 *
 * Where the request has ended by "\n\n" this looks at up to two bytes behind it: at what was in the
 * buffer before, or, of a request that fills it, at the rest of malloc()'s block. Whatever they
 * are, such a request may be refused as well as answered. AddressSanitizer counts that rest as
 * foreign.
 */
__attribute__((no_sanitize("address"))) static bool ends_headers(const char *end)
{
	return !end[1] && end[2] == '\r' && !end[3];
}

/* A first line that is followed by more than its end, lines that end by a mere '\n', and lines that
 * were dropped. */
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
