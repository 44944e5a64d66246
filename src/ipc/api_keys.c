// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ipc/api_keys.h"

static void put_key(struct v2m_wire *wire, struct v2m_api_key *key)
{
	v2m_wire_chars(wire, key->name, sizeof(key->name));
	v2m_wire_chars(wire, key->created_at, sizeof(key->created_at));
	key->scopes = v2m_wire_limited(wire, key->scopes, V2M_SCOPES_ALL);
	v2m_wire_bytes(wire, key->hash, sizeof(key->hash));
}

void v2m_put_api_keys(struct v2m_wire *wire, struct v2m_api_keys *keys)
{
	keys->count = v2m_wire_limited(wire, (unsigned)keys->count, V2M_NAMED_KEYS_MAX + 1);
	for (size_t i = 0; i < keys->count; i++)
		put_key(wire, &keys->items[i]);
}
