/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef V2METER_PATHS_NAT_PORTS_H
#define V2METER_PATHS_NAT_PORTS_H

#include <stddef.h>
#include <stdint.h>

/* Ports that a rule sends on to another port. */
struct v2m_nat_ports {
	uint16_t first;
	uint16_t last;
	uint16_t target; /* 0: the port stays the same */
};

struct v2m_nat_ports_list {
	struct v2m_nat_ports *items;
	size_t count;
	size_t capacity;
};

#endif
