/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the inbounds that hand their connections over to other inbounds. A fallback of an inbound
 * names the port or the unix socket of another inbound (member "dest" of "fallbacks" of VLESS and
 * Trojan, in the documentation of Xray). Then the clients of the second inbound arrive at the port
 * of the first one.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_FRONTS_H
#define V2METER_KEYS_FORMATS_V2RAY_FRONTS_H

#include <stddef.h>
#include <stdint.h>

#include "keys/formats/v2ray_merge.h"

/* A fallback. */
struct v2m_v2ray_front {
	char *socket;        /* path or abstract name of the unix socket behind; NULL: a port is */
	uint16_t to_port;    /* the port behind; 0: a socket is */
	uint16_t front_port; /* the port at which clients arrive */
};

struct v2m_v2ray_fronts {
	struct v2m_v2ray_front *items;
	size_t count;
	size_t capacity;
};

/* Fills an empty list. 0 or -ENOMEM; the caller clears the list either way. */
int v2m_v2ray_fronts_find(const struct v2m_v2ray_inbounds *inbounds,
			  struct v2m_v2ray_fronts *fronts);
void v2m_v2ray_fronts_clear(struct v2m_v2ray_fronts *fronts);

/* The port of the inbound that leads to this port. 0: none does. */
uint16_t v2m_v2ray_front_of_port(const struct v2m_v2ray_fronts *fronts, unsigned port);
/* The port of the inbound that leads to the unix socket of this inbound. 0: none does. */
uint16_t v2m_v2ray_front_of_socket(const struct v2m_v2ray_fronts *fronts,
				   const struct v2m_json_node *inbound);

#endif
