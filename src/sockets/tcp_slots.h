/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the slot that counts the TCP connections of a port. */
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
	uint16_t *places; /* for each port: 1 + the index of its slot; 0: the port is not counted */
	uint16_t *ports;  /* first ports of the slots, ascending */
	uint16_t *last;   /* last ports of the slots */
	bool *loopback;   /* the slots count connections over loopback only; else all others */
	bool *shared;     /* several keys share the slots */
	size_t count;
	struct v2m_port_range *ranges; /* all counted ports, ascending, never adjacent */
	size_t n_ranges;
};

/* Makes the slots of the rules that count TCP. If several rules have a port, the first one counts
 * it. 0, or -ENOMEM with *slots empty. */
int v2m_tcp_slots_make(const struct v2m_port_rule *rules, size_t n_rules,
		       struct v2m_tcp_slots *slots);
void v2m_tcp_slots_clear(struct v2m_tcp_slots *slots);

#endif
