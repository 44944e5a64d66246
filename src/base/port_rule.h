/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_PORT_RULE_H
#define V2METER_BASE_PORT_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* What to count at one port. */
struct v2m_port_rule {
	uint16_t port;
	unsigned transports; /* enum v2m_transport bits */
	bool loopback;
	bool shared;
};

#endif
