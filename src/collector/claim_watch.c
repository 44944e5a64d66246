// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/claim_watch.h"

#include "collector/key_supply.h"
#include "collector/socket_netns.h"

static bool is_open(const void *context, uint16_t port, enum v2m_transport transport)
{
	return v2m_listeners_has(context, port, transport);
}

bool v2m_claim_watch_has_changed(const struct v2m_parts *parts)
{
	struct v2m_claims *claims = v2m_key_supply_claims(parts->keys);
	struct v2m_listeners listeners;
	struct v2m_error error;

	if (!claims->count || !v2m_key_supply_look_is_due(parts->keys) ||
	    v2m_socket_netns_listeners(parts->netns, &listeners, &error))
		return false;
	return v2m_claims_look(claims, is_open, &listeners);
}
