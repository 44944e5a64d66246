/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_BASE_PORT_RULE_H
#define V2METER_BASE_PORT_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* One slot counts a port, or a range of ports. */
struct v2m_port_rule {
	uint16_t first_port;
	uint16_t last_port;  /* equal to first_port for a single port */
	unsigned transports; /* enum v2m_transport bits; if 0, the rule takes no slot and counts
				nothing */
	bool loopback;
	bool shared;
};

#endif
