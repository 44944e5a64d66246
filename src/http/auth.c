// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/auth.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t\r"
#define PLAIN  "X-API-Key"
#define BEARER "Authorization"
#define SCHEME "Bearer "

/* Tries a header's value, to which blanks around it do not belong. One that is too long for an API
 * key is none, like "". */
static void try_value(struct v2m_key_ring *api_keys, const char *value, size_t length,
		      struct v2m_auth *auth)
{
	while (length && strchr(BLANKS, value[length - 1]))
		length--;
	while (length && strchr(BLANKS, *value)) {
		value++;
		length--;
	}
	auth->presented |= length > 0;
	if (length > V2M_API_KEY_MAX)
		length = 0;
	memcpy(auth->text, value, length);
	auth->text[length] = 0;
	auth->valid = v2m_key_ring_find(api_keys, auth->text, &auth->key);
}

static void try_headers(struct v2m_key_ring *api_keys, const char *plain, size_t plain_length,
			const char *bearer, size_t bearer_length, struct v2m_auth *auth)
{
	const size_t scheme = strlen(SCHEME);

	auth->presented = auth->valid = false;
	auth->text[0] = 0;
	if (plain)
		try_value(api_keys, plain, plain_length, auth);
	if (!auth->valid && bearer && bearer_length >= scheme &&
	    strncasecmp(bearer, SCHEME, scheme) == 0)
		try_value(api_keys, bearer + scheme, bearer_length - scheme, auth);
}

void v2m_auth_read(struct v2m_key_ring *api_keys, const struct mg_connection *connection,
		   struct v2m_auth *auth)
{
	const char *plain = mg_get_header(connection, PLAIN);
	const char *bearer = mg_get_header(connection, BEARER);

	try_headers(api_keys, plain, plain ? strlen(plain) : 0, bearer, bearer ? strlen(bearer) : 0,
		    auth);
}

/* The value in a line, up to its end. NULL: the line is not that header. */
static const char *value_in(const char *line, size_t length, const char *name)
{
	size_t name_length = strlen(name);

	if (length <= name_length || line[name_length] != ':' ||
	    strncasecmp(line, name, name_length) != 0)
		return NULL;
	line += name_length + 1;
	while (*line == ' ' || *line == '\t')
		line++;
	return line;
}

void v2m_auth_peek(struct v2m_key_ring *api_keys, const char *header, size_t length,
		   struct v2m_auth *auth)
{
	const char *plain = NULL;
	const char *bearer = NULL;
	size_t plain_length = 0;
	size_t bearer_length = 0;
	const char *end = header + length;
	const char *line_end;

	for (const char *line = header; (line_end = memchr(line, '\n', (size_t)(end - line)));
	     line = line_end + 1) {
		const char *value = value_in(line, (size_t)(line_end - line), PLAIN);

		/* If a header comes twice, the first one counts, as it does for the server. */
		if (value && !plain) {
			plain = value;
			plain_length = (size_t)(line_end - value);
		}
		value = value_in(line, (size_t)(line_end - line), BEARER);
		if (value && !bearer) {
			bearer = value;
			bearer_length = (size_t)(line_end - value);
		}
	}
	try_headers(api_keys, plain, plain_length, bearer, bearer_length, auth);
	/* The gate's thread looks at the requests of all connections. */
	v2m_key_ring_forget();
}
