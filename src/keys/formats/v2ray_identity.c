// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/uuid.h"

/* With a letter and a colon before it. */
#define INDEX_NAME_LEN (V2M_V2RAY_IDENTITY_LEN + 2)

void v2m_v2ray_shorten(const char *text, char *shortened, size_t size)
{
	char hash[V2M_UUID_LEN];

	if (strlen(text) <= V2M_V2RAY_MAX_TEXT) {
		snprintf(shortened, size, "%s", text);
		return;
	}
	v2m_uuid5(text, hash);
	snprintf(shortened, size, "%.*s~%s", (int)v2m_utf8_cut(text, 200), text, hash);
}

static void name_without_id(const struct v2m_v2ray_user *user, const char *inbound, size_t place,
			    struct v2m_v2ray_identity *identity)
{
	const char *own = user->email ? user->email : user->key;
	char number[24] = "";

	if (own) {
		v2m_v2ray_shorten(own, identity->text, sizeof(identity->text));
		return;
	}
	if (place > 0)
		snprintf(number, sizeof(number), "#%zu", place + 1);
	snprintf(identity->text, sizeof(identity->text), "%s%s", inbound, number);
}

void v2m_v2ray_identify(const struct v2m_v2ray_user *user, const char *inbound, size_t place,
			struct v2m_v2ray_identity *identity)
{
	const char *email = user->email ? user->email : "";

	identity->uuid[0] = 0;
	snprintf(identity->name, sizeof(identity->name), "%.*s",
		 (int)v2m_utf8_cut(email, V2M_V2RAY_MAX_TEXT), email);
	if (!user->id || !*user->id) {
		name_without_id(user, inbound, place, identity);
		return;
	}
	if (strlen(user->id) == V2M_UUID_LEN - 1 || !v2m_uuid_canonical(user->id, identity->uuid))
		snprintf(identity->uuid, sizeof(identity->uuid), "%s", user->id);
	v2m_lower_case(identity->uuid, identity->text, sizeof(identity->text));
}

static void index_name(const struct v2m_v2ray_identity *identity, char name[static INDEX_NAME_LEN])
{
	snprintf(name, INDEX_NAME_LEN, "%c:%s", *identity->uuid ? 'u' : 'n', identity->text);
}

static bool mapped_name(const struct v2m_v2ray_identity *identity, char name[static INDEX_NAME_LEN])
{
	char mapped[V2M_UUID_LEN];

	if (!v2m_uuid_of_v2ray_id(identity->uuid, mapped))
		return false;
	snprintf(name, INDEX_NAME_LEN, "u:%s", mapped);
	return true;
}

int v2m_v2ray_identity_add(struct v2m_name_index *known, const struct v2m_v2ray_identity *identity,
			   size_t number)
{
	char name[INDEX_NAME_LEN];

	index_name(identity, name);
	if (v2m_name_index_set(known, name, number))
		return -ENOMEM;
	return mapped_name(identity, name) ? v2m_name_index_set(known, name, number) : 0;
}

bool v2m_v2ray_identity_find(const struct v2m_name_index *known,
			     const struct v2m_v2ray_identity *identity, size_t *number)
{
	char name[INDEX_NAME_LEN];

	index_name(identity, name);
	if (v2m_name_index_find(known, name, number))
		return true;
	return mapped_name(identity, name) && v2m_name_index_find(known, name, number);
}
