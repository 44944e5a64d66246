/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where inbounds hand connections over to. Used by v2ray_fronts.c alone. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_DEST_H
#define V2METER_KEYS_FORMATS_V2RAY_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/formats/v2ray_inbound.h"

struct v2m_v2ray_dest {
	size_t inbound; /* that leads there */
	char *socket;   /* path or abstract name of a unix socket; NULL: a port */
	char *host;     /* "localhost" if only a port is named; NULL for a socket */
	uint16_t port;  /* 0 for a socket */
	bool is_relay;
	bool is_fallback; /* of VLESS or Trojan */
	bool is_ours;     /* an inbound listens there */
};

struct v2m_v2ray_dests {
	struct v2m_v2ray_dest *items;
	size_t count;
	size_t capacity;
};

/* Adds the destinations of an inbound. 0 or -ENOMEM. */
int v2m_v2ray_dests_add(struct v2m_v2ray_dests *dests, size_t inbound,
			const struct v2m_json_node *node);
void v2m_v2ray_dests_clear(struct v2m_v2ray_dests *dests);

/* Whether the host of a destination is reached by listening on that address. */
bool v2m_v2ray_dest_is_at(const struct v2m_v2ray_dest *dest, enum v2m_v2ray_listen listens,
			  const char *address);

#endif
