/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports of an inbound of a V2Ray or Xray configuration. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_PORTS_H
#define V2METER_KEYS_FORMATS_V2RAY_PORTS_H

#include <stdint.h>

#include "base/array.h"
#include "json/json_doc.h"

/* Adjacent ports, from 1. */
struct v2m_port_run {
	uint16_t first;
	uint16_t last;
};

/* Ascending, neither overlapping nor adjacent. */
struct v2m_port_runs {
	struct v2m_port_run *items;
	size_t count;
	size_t capacity;
};

/* A sentence that says why an inbound has no port. */
#define V2M_V2RAY_WHY_LEN 160

/* Reads the port of an inbound into an empty list: a number, or a string with a number, a range, a
 * list of both, or "env:NAME". 0; 1 if the proxy runs with it and there is no port, with *why;
 * -EINVAL; or -ENOMEM. The list is the caller's to clear either way. */
int v2m_v2ray_ports(const struct v2m_json_node *port, struct v2m_port_runs *runs,
		    char why[static V2M_V2RAY_WHY_LEN], struct v2m_error *error);

/* The environment variable, under its name or as "XRAY_PORT" for "xray.port". NULL: not set. */
const char *v2m_v2ray_variable(const char *name);

#endif
