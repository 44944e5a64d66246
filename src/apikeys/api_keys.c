// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "apikeys/api_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

bool v2m_api_key_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length < 1 || length >= V2M_API_KEY_NAME_LEN || strcmp(name, V2M_SINGLE_KEY_NAME) == 0)
		return false;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at > 127 ||
		    (!isalnum((unsigned char)*at) && (at == name || !strchr("._-", *at))))
			return false;
	return true;
}

void v2m_api_keys_set_single(struct v2m_api_keys *keys, const char *text)
{
	struct v2m_api_key *single = &keys->items[0];

	if (!keys->count || strcmp(single->name, V2M_SINGLE_KEY_NAME) != 0) {
		memmove(keys->items + 1, keys->items, keys->count * sizeof(*keys->items));
		keys->count++;
	}
	memset(single, 0, sizeof(*single));
	snprintf(single->name, sizeof(single->name), "%s", V2M_SINGLE_KEY_NAME);
	single->scopes = V2M_SCOPES_ALL;
	v2m_sha256(text, strlen(text), single->hash);
}

const struct v2m_api_key *v2m_api_keys_named(const struct v2m_api_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i].name, name) == 0)
			return &keys->items[i];
	return NULL;
}

static unsigned difference_of(const uint8_t *one, const uint8_t *other)
{
	unsigned difference = 0;

	for (size_t i = 0; i < V2M_SHA256_LEN; i++)
		difference |= one[i] ^ other[i];
	return difference;
}

const struct v2m_api_key *v2m_api_keys_find(const struct v2m_api_keys *keys, const char *text)
{
	const struct v2m_api_key *found = NULL;
	uint8_t hash[V2M_SHA256_LEN];

	v2m_sha256(text, strlen(text), hash);
	for (size_t i = 0; i < keys->count; i++)
		if (difference_of(keys->items[i].hash, hash) == 0)
			found = &keys->items[i];
	explicit_bzero(hash, sizeof(hash));
	return found;
}
