// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/key_addresses.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/transport.h"
#include "devices/links.h"
#include "paths/nat.h"
#include "paths/port_holder.h"
#include "sockets/listeners.h"

static int list_other(void *context)
{
	struct v2m_key_addresses *addresses = context;

	return v2m_links_addresses_here(&addresses->other, &addresses->n_other);
}

static bool is_listed(const struct v2m_local_address *list, size_t count, const uint8_t *address)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(list[i].address, address, sizeof(list[i].address)) == 0)
			return true;
	return false;
}

/* All of 127.0.0.0/8 is this host. */
static bool is_served(const void *context, const uint8_t address[16])
{
	static const uint8_t loopback[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	const struct v2m_key_addresses *addresses = context;

	return memcmp(address, loopback, sizeof(loopback)) == 0 ||
	       is_listed(addresses->own, addresses->n_own, address) ||
	       is_listed(addresses->other, addresses->n_other, address);
}

/* Slots have no ports in common, so their first ports tell them apart. */
static uint32_t find_slot(const void *context, uint16_t port, unsigned transports)
{
	const struct v2m_key_addresses *addresses = context;
	const struct v2m_slots *slots = &addresses->keyset->slots;
	const struct v2m_slot *tcp =
		transports & V2M_TCP ? v2m_slots_at(slots, port, V2M_TCP) : NULL;
	const struct v2m_slot *udp =
		transports & V2M_UDP ? v2m_slots_at(slots, port, V2M_UDP) : NULL;

	return (tcp ? tcp->first_port : 0u) | (udp ? udp->first_port : 0u) << 16;
}

static bool is_served_by(const struct v2m_listeners *listeners, uint16_t port, unsigned families,
			 enum v2m_transport transport)
{
	return families == V2M_NAT_IPV6 ? v2m_listeners_has_ipv6(listeners, port, transport)
					: v2m_listeners_has(listeners, port, transport);
}

static bool is_free(const void *context, uint16_t port, unsigned transports, unsigned families)
{
	const struct v2m_key_addresses *addresses = context;
	const struct v2m_listeners *listeners = addresses->listeners;
	unsigned held = 0;

	if (!listeners)
		return false;
	if (transports & V2M_TCP && is_served_by(listeners, port, families, V2M_TCP))
		held |= V2M_TCP;
	if (transports & V2M_UDP && is_served_by(listeners, port, families, V2M_UDP))
		held |= V2M_UDP;
	return !held || !v2m_port_holder_serves("/proc", port, held);
}

void v2m_key_addresses_read(struct v2m_key_addresses *addresses, struct v2m_socket_netns *netns,
			    bool with_listeners)
{
	struct v2m_error error = { 0 };

	if (v2m_links_addresses_here(&addresses->own, &addresses->n_own))
		addresses->n_own = 0;
	if (v2m_socket_netns_run(netns, list_other, addresses))
		addresses->n_other = 0;
	if (with_listeners)
		addresses->listeners = malloc(sizeof(*addresses->listeners));
	if (addresses->listeners && v2m_listeners_read(addresses->listeners, &error)) {
		v2m_log_error("%s", error.text);
		free(V2M_TAKE(addresses->listeners));
	}
}

void v2m_key_addresses_clear(struct v2m_key_addresses *addresses)
{
	free(V2M_TAKE(addresses->listeners));
	free(V2M_TAKE(addresses->own));
	free(V2M_TAKE(addresses->other));
}

struct v2m_published_scope v2m_key_addresses_scope(const struct v2m_key_addresses *addresses,
						   const struct v2m_port_aliases *configured)
{
	return (struct v2m_published_scope){ configured, find_slot, is_served, is_free, addresses };
}
