/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which inbound hands connections over to which. A fallback of VLESS or Trojan, the target of
 * REALITY and the destination of a relay (dokodemo-door) may be the port or the unix socket of
 * another inbound ("dest", "target", "address" in Xray's documentation). The clients of that one
 * then arrive at the port of the first, also over several inbounds in a row.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_FRONTS_H
#define V2METER_KEYS_FORMATS_V2RAY_FRONTS_H

#include <stddef.h>
#include <stdint.h>

#include "keys/formats/v2ray_inbound.h"
#include "keys/formats/v2ray_merge.h"
#include "keys/formats/v2ray_ports.h"
#include "keys/span.h"

/* How clients reach an inbound. */
struct v2m_v2ray_reach {
	enum v2m_v2ray_listen listens;
	const char *address;
	unsigned transports;
	struct v2m_port_runs runs; /* empty on a unix socket, and if ports_result is not 0 */
	int ports_result;          /* of v2m_v2ray_ports() */
	bool unlisted;             /* as in struct v2m_span */
	bool relays;               /* it is a relay to a fixed destination */
	bool leads_on;             /* it leads to another inbound of ours */
	bool leads_out;            /* a fallback leads to what is no inbound of ours */
	size_t first_front;        /* place in fronts.items, and 1; 0: none leads here */
};

struct v2m_v2ray_front {
	size_t inbound;      /* that leads here */
	unsigned transports; /* by which it does */
	size_t next;         /* place of another one, and 1; 0: none */
};

struct v2m_v2ray_fronts {
	struct v2m_v2ray_reach *reaches; /* of the inbounds, in their order */
	size_t n_reaches;
	struct v2m_v2ray_front *items;
	size_t count;
	size_t capacity;
};

/* At most so many pairs of inbounds may lead to each other. More are an error. */
#define V2M_V2RAY_MAX_FRONTS 262144

/* 0, -EINVAL or -ENOMEM; *fronts is empty before, and the caller's to clear either way. */
int v2m_v2ray_fronts_find(const struct v2m_v2ray_inbounds *inbounds,
			  struct v2m_v2ray_fronts *fronts, struct v2m_error *error);
void v2m_v2ray_fronts_clear(struct v2m_v2ray_fronts *fronts);

struct v2m_v2ray_spans {
	struct v2m_span *items;
	size_t count;
	size_t capacity;
};

/* Adds the spans at which the clients of an inbound arrive because other inbounds lead to it. 0 or
 * -ENOMEM. */
int v2m_v2ray_entrances(const struct v2m_v2ray_fronts *fronts, size_t inbound,
			struct v2m_v2ray_spans *spans);

#endif
