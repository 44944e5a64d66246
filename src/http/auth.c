// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http/auth.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int v2m_auth_init(struct v2m_auth *auth, const char *api_key, struct v2m_error *error)
{
	if (!api_key || !api_key[0] || strlen(api_key) > V2M_API_KEY_MAX)
		return v2m_error_set(error, -EINVAL, "api_key: expected 1 to %d characters",
				     V2M_API_KEY_MAX);
	*auth = (struct v2m_auth){ .api_key = "" };
	strcpy(auth->api_key, api_key);
	return 0;
}

/* The whole field is always compared. So the time tells neither where the keys differ nor how long
 * the offered key is. */
static bool equals_in_constant_time(const char *key, const char *offered)
{
	char padded[V2M_AUTH_FIELD] = { 0 };
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

bool v2m_auth_allows(const struct v2m_auth *auth, const struct mg_connection *connection)
{
	const char *plain = mg_get_header(connection, "X-API-Key");
	const char *bearer = mg_get_header(connection, "Authorization");
	bool allowed = false;

	if (plain)
		allowed |= equals_in_constant_time(auth->api_key, plain);
	if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
		allowed |= equals_in_constant_time(auth->api_key, skip_spaces(bearer + 7));
	return allowed;
}
