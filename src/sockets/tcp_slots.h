/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which slot counts the TCP connections of which port. */
#ifndef V2METER_SOCKETS_TCP_SLOTS_H
#define V2METER_SOCKETS_TCP_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/port_rule.h"

struct v2m_port_range {
	uint16_t low;
	uint16_t high;
};

struct v2m_tcp_slots {
	uint16_t *places; /* by port: 1 + the place of its slot; 0: not counted */
	uint16_t *ports;  /* first ports of the slots, ascending */
	bool *loopback;   /* parallel to ports: only connections over loopback count, or only others
			   */
	uint16_t *last;   /* parallel to ports: their last ports */
	size_t count;
	struct v2m_port_range *ranges; /* all counted ports, ascending, never adjacent */
	size_t n_ranges;
};

/* The slots of the rules that count TCP; if two rules have a port, the earlier one wins. 0, or
 * -ENOMEM with *slots empty. */
int v2m_tcp_slots_make(const struct v2m_port_rule *rules, size_t n_rules,
		       struct v2m_tcp_slots *slots);
void v2m_tcp_slots_clear(struct v2m_tcp_slots *slots);

#endif
