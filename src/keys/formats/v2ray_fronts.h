/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which inbound hands connections over to which: a fallback of an inbound names the port or the
 * unix socket of another one ("fallbacks" of VLESS and Trojan in Xray's documentation, member
 * "dest"). The clients of that one arrive at the port of the first.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_FRONTS_H
#define V2METER_KEYS_FORMATS_V2RAY_FRONTS_H

#include <stddef.h>
#include <stdint.h>

#include "keys/formats/v2ray_merge.h"

struct v2m_v2ray_front {
	char *socket; /* path or abstract name of the unix socket that it leads to; NULL: to a port
		       */
	uint16_t to_port;    /* 0 if it leads to a socket */
	uint16_t front_port; /* where clients arrive */
};

struct v2m_v2ray_fronts {
	struct v2m_v2ray_front *items;
	size_t count;
	size_t capacity;
};

/* 0 or -ENOMEM; *fronts is empty before, and the caller's to clear either way. */
int v2m_v2ray_fronts_find(const struct v2m_v2ray_inbounds *inbounds,
			  struct v2m_v2ray_fronts *fronts);
void v2m_v2ray_fronts_clear(struct v2m_v2ray_fronts *fronts);

/* The port of the inbound that leads to that port, or to the unix socket that the inbound listens
 * on. 0: none does. */
uint16_t v2m_v2ray_front_of_port(const struct v2m_v2ray_fronts *fronts, unsigned port);
uint16_t v2m_v2ray_front_of_socket(const struct v2m_v2ray_fronts *fronts,
				   const struct v2m_json_node *inbound);

#endif
