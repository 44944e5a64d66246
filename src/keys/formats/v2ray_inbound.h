/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports and transports on which an inbound of a V2Ray or Xray configuration listens. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_INBOUND_H
#define V2METER_KEYS_FORMATS_V2RAY_INBOUND_H

#include <stdint.h>

#include "json/json_doc.h"

/* A set of ports. */
struct v2m_port_set {
	uint8_t bits[65536 / 8];
	unsigned count;
};

/* port: 0 to 65535. */
bool v2m_port_set_has(const struct v2m_port_set *set, unsigned port);
/* Finds the next run of adjacent ports from *first on, up to *last. False: there is none. */
bool v2m_port_set_next_run(const struct v2m_port_set *set, unsigned *first, unsigned *last);

/* Reads the port of an inbound: a number, or a string with a number, a range, a list of both, or
 * "env:NAME". 0; 1 if a variable is not set, which the log says; or -EINVAL. */
int v2m_v2ray_ports(const struct v2m_json_node *port, struct v2m_port_set *set,
		    struct v2m_error *error);

/* The transports on which an inbound listens (enum v2m_transport bits). 0: it has no port, as with
 * a unix socket. */
unsigned v2m_v2ray_transports(const struct v2m_json_node *inbound);

enum v2m_v2ray_listen {
	V2M_LISTEN_ANY,      /* on an address that other machines can reach */
	V2M_LISTEN_LOOPBACK, /* 127.0.0.0/8, ::1, localhost */
	V2M_LISTEN_UNIX,
};
/* Reads the member "listen" of an inbound. For "env:NAME", the value of the variable counts. */
enum v2m_v2ray_listen v2m_v2ray_listens(const struct v2m_json_node *inbound);

#endif
