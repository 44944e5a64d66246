// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_lookup.h"

#include "collector/byte_source.h"
#include "collector/key_supply.h"

enum v2m_verdict v2m_key_lookup(const struct v2m_parts *parts, const char *id_or_uuid,
				const struct v2m_key **key)
{
	const struct v2m_keyset *keyset = v2m_key_supply_active(parts->keys);
	const struct v2m_key_port *port;

	*key = v2m_keyset_find(keyset, id_or_uuid);
	if (!*key)
		return V2M_KEY_NOT_FOUND;
	port = (*key)->port ? v2m_keyset_port(keyset, (*key)->port) : NULL;
	if (!port)
		return V2M_OK;
	if (port->shared)
		return V2M_KEY_SHARES_PORT;
	return v2m_byte_source_counts_port(parts->byte_source, port) ? V2M_OK : V2M_KEY_IS_UDP;
}
