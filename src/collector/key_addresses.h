/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells for NAT rules whether they are about ports of keys: the ports, the addresses at which keys
 * are served, and who else listens. */
#ifndef V2METER_COLLECTOR_KEY_ADDRESSES_H
#define V2METER_COLLECTOR_KEY_ADDRESSES_H

#include <stddef.h>

#include "v2meter/bpf_abi.h"
#include "collector/socket_netns.h"
#include "keys/keys.h"
#include "paths/published_scope.h"

struct v2m_listeners;

/* All is zero but the key set until it is read. */
struct v2m_key_addresses {
	const struct v2m_keyset *keyset;
	struct v2m_listeners *listeners; /* of this host; NULL: not known */
	struct v2m_local_address *own;   /* of this host */
	size_t n_own;
	struct v2m_local_address *other; /* of the namespace "netns" */
	size_t n_other;
};

/* Reads the addresses and, if with_listeners, who listens at ports of this host. What cannot be
 * read stays empty. */
void v2m_key_addresses_read(struct v2m_key_addresses *addresses, struct v2m_socket_netns *netns,
			    bool with_listeners);
void v2m_key_addresses_clear(struct v2m_key_addresses *addresses);

/* The addresses must outlive the scope. configured: as the scope has it. */
struct v2m_published_scope v2m_key_addresses_scope(const struct v2m_key_addresses *addresses,
						   const struct v2m_port_aliases *configured);

#endif
