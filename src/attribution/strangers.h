/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows without owner: those whose user no key has, because its key was removed, and those that no
 * line of the log names. */
#ifndef V2METER_ATTRIBUTION_STRANGERS_H
#define V2METER_ATTRIBUTION_STRANGERS_H

#include <stdbool.h>

#include "attribution/named_slots.h"
#include "base/sample.h"
#include "base/table.h"
#include "keys/slots.h"

/* Starts as zeros. */
struct v2m_strangers {
	struct v2m_table flows; /* see strangers.c */
};

void v2m_strangers_clear(struct v2m_strangers *strangers);

/* Whether the flow may be younger than its connection: the programs have not seen the handshake. A
 * SYN without an answer is no connection, and may stand beside the flow of one. */
bool v2m_flow_lacks_beginning(const struct v2m_flow_entry *flow);

/* The tables that tell flows without owner apart. */
struct v2m_flow_names {
	const struct v2m_strangers *strangers;
	const struct v2m_slots *slots;
	const struct v2m_named_slots *named; /* the slots of users that the log has named */
};

/*
 * The gaps that flows without owner show, a bit for each. Flows of a slot that the log never names
 * users of are none, such as those of several WireGuard peers. The server has sent more to a UDP
 * peer than failed authentication explains: no handshake takes V2M_HANDSHAKE_BYTES. A connection
 * has carried more than V2M_NAMELESS_BYTES, and its port has no fallback, whose visitors nobody
 * names. The line of a log comes within V2M_LINE_NS.
 */
#define V2M_HANDSHAKE_BYTES 16384
#define V2M_NAMELESS_BYTES  1048576
#define V2M_LINE_NS         UINT64_C(10000000000)
unsigned v2m_nameless_gaps(const struct v2m_flow_names *names, const struct v2m_flow_entry *flows,
			   size_t n_flows, uint64_t now_ns);

/* Notes the flow of a user whom no key has. Does nothing if memory is short. */
void v2m_strangers_note(struct v2m_strangers *strangers, const struct v2m_flow_entry *flow);
bool v2m_strangers_have(const struct v2m_strangers *strangers, const struct v2m_flow_entry *flow);

#endif
