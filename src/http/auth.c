// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include <strings.h>

#include "http/server.h"

/* Takes the same time wherever the two differ and however long the offered key is: always the whole
 * field is compared. */
static bool equal_constant_time(const char *key, const char *offered)
{
	char padded[V2M_API_KEY_FIELD] = { 0 };
	size_t length = strnlen(offered, V2M_API_KEY_MAX + 1);
	volatile uint64_t difference = length > V2M_API_KEY_MAX;
	uint64_t mine;
	uint64_t theirs;

	if (length > V2M_API_KEY_MAX)
		length = V2M_API_KEY_MAX;
	memcpy(padded, offered, length);
	for (size_t i = 0; i < sizeof(padded); i += sizeof(mine)) {
		memcpy(&mine, key + i, sizeof(mine));
		memcpy(&theirs, padded + i, sizeof(theirs));
		difference = difference | (mine ^ theirs);
	}
	return difference == 0;
}

static const char *skip_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

bool v2m_http_authorized(const struct v2m_http *http, const struct mg_connection *connection)
{
	const char *plain = mg_get_header(connection, "X-API-Key");
	const char *bearer = mg_get_header(connection, "Authorization");
	bool authorized = false;

	if (plain)
		authorized |= equal_constant_time(http->api_key, plain);
	if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
		authorized |= equal_constant_time(http->api_key, skip_spaces(bearer + 7));
	return authorized;
}
