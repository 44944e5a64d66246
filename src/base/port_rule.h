/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_PORT_RULE_H
#define V2METER_BASE_PORT_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "v2meter/bpf_abi.h"

/* One slot counts a port, or a range of ports. */
struct v2m_port_rule {
	uint16_t first_port;
	uint16_t last_port;  /* equal to first_port for a single port */
	unsigned transports; /* enum v2m_transport bits; if 0, the rule takes no slot and counts
				nothing */
	bool loopback;
	bool shared;
};

/* A key that may own flows, on one transport of a slot that it shares. */
struct v2m_owner_rule {
	uint16_t first_port;         /* of the slot, host byte order */
	uint8_t protocol;            /* IPPROTO_TCP or IPPROTO_UDP */
	char key[V2M_OWNER_KEY_LEN]; /* names the key, see v2m_key_owner_name() */
};

/* What tells that a port is published. */
enum v2m_alias_origin { V2M_ALIAS_CONFIGURED, V2M_ALIAS_RULE, V2M_ALIAS_CONNTRACK };
#define V2M_N_ALIAS_ORIGINS 3

/* Published ports: clients send to them, and a rule of this host sends that on to the target. On
 * the wire, packets have the published port in both directions. */
struct v2m_port_alias {
	uint16_t first_port;
	uint16_t last_port;
	uint16_t target;     /* the port where the server listens */
	unsigned transports; /* enum v2m_transport bits */
	enum v2m_alias_origin origin;
	/* All packets of these come to the target: V2M_NAT_IPV4 and V2M_NAT_IPV6. 0: only those to
	 * one address of this host. */
	unsigned families;
};

struct v2m_port_aliases {
	struct v2m_port_alias *items;
	size_t count;
	size_t capacity;
};

#endif
