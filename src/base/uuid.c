// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/uuid.h"

#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

#include "base/text.h"

static const uuid_t name_space = { 0x5b, 0xa0, 0xef, 0x19, 0xd2, 0x65, 0x40, 0xe4,
				   0x9d, 0x64, 0x3c, 0x1d, 0x1a, 0x4f, 0x2a, 0x57 };

void v2m_uuid5(const char *name, char text[static V2M_UUID_LEN])
{
	uuid_t bytes;

	uuid_generate_sha1(bytes, name_space, name, strlen(name));
	uuid_unparse_lower(bytes, text);
}

void v2m_uuid_key_id(const char *uuid, char text[static V2M_UUID_LEN])
{
	char lower[256];

	v2m_lower_case(uuid, lower, sizeof(lower));
	v2m_uuid5(lower, text);
}

/* uuid_parse() needs the hyphens, but V2Ray also takes UUIDs without them. */
bool v2m_uuid_canonical(const char *uuid, char text[static V2M_UUID_LEN])
{
	char digits[33];
	char hyphenated[V2M_UUID_LEN];
	uuid_t bytes;
	size_t n = 0;

	for (; *uuid; uuid++) {
		if (*uuid == '-')
			continue;
		if (n == 32)
			return false;
		digits[n++] = *uuid;
	}
	if (n != 32)
		return false;
	digits[n] = 0;
	snprintf(hyphenated, sizeof(hyphenated), "%.8s-%.4s-%.4s-%.4s-%s", digits, digits + 8,
		 digits + 12, digits + 16, digits + 20);
	if (uuid_parse(hyphenated, bytes))
		return false;
	uuid_unparse_lower(bytes, text);
	return true;
}

bool v2m_uuid_of_v2ray_id(const char *id, char mapped[static V2M_UUID_LEN])
{
	static const uuid_t zeros;
	uuid_t bytes;

	if (!*id || strlen(id) > 30)
		return false;
	uuid_generate_sha1(bytes, zeros, id, strlen(id));
	uuid_unparse_lower(bytes, mapped);
	return true;
}
