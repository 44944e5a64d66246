// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/auth.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* Copies a header's value, to which blanks around it do not belong. "" if it is too long for an API
 * key. */
static void copy_value(const char *value, char text[static V2M_API_KEY_MAX + 1])
{
	size_t length;

	value += strspn(value, BLANKS);
	length = strlen(value);
	while (length && strchr(BLANKS, value[length - 1]))
		length--;
	if (length > V2M_API_KEY_MAX)
		length = 0;
	memcpy(text, value, length);
	text[length] = 0;
}

bool v2m_auth_allows(const struct v2m_digest *api_key, const struct mg_connection *connection,
		     char presented[static V2M_API_KEY_MAX + 1])
{
	const char *plain = mg_get_header(connection, "X-API-Key");
	const char *bearer = mg_get_header(connection, "Authorization");

	if (plain) {
		copy_value(plain, presented);
		if (v2m_digest_matches(api_key, presented))
			return true;
	}
	if (!bearer || strncasecmp(bearer, "Bearer ", 7) != 0)
		return false;
	copy_value(bearer + 7, presented);
	return v2m_digest_matches(api_key, presented);
}
