/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows without owner: those whose user no key has, because its key was removed, and those that no
 * line of the log names. */
#ifndef V2METER_ATTRIBUTION_STRANGERS_H
#define V2METER_ATTRIBUTION_STRANGERS_H

#include <stdbool.h>

#include "attribution/named_slots.h"
#include "base/sample.h"
#include "base/table.h"
#include "keys/access_record.h"
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
	/* For each flow: a line that was just read names its owner. NULL: none does. */
	const bool *named_now;
	/* When V2M_LOG_RUSH was seen last, CLOCK_MONOTONIC; 0: never. */
	uint64_t rush_ns;
};

/*
 * The gaps that flows without owner show, a bit for each. Flows of a slot that the log never names
 * users of are none, such as those of several WireGuard peers, and neither are connections of a
 * port with a fallback, whose visitors nobody names. The line of a log comes within V2M_LINE_NS.
 * - The server has sent more to a UDP peer than failed authentication explains: no handshake takes
 *   V2M_HANDSHAKE_BYTES.
 * - Connections that carried more than that have carried more than V2M_NAMELESS_BYTES together.
 * - Connections that both sides have sent bytes on, and that began before a rush of lines, have
 *   carried more than V2M_DROPPED_BYTES together: more than the handshakes of the scanners within
 *   two minutes. For so long the flow of a connection stays.
 */
#define V2M_HANDSHAKE_BYTES 16384
#define V2M_NAMELESS_BYTES  1048576
#define V2M_DROPPED_BYTES   262144
#define V2M_LINE_NS         UINT64_C(10000000000)
unsigned v2m_nameless_gaps(const struct v2m_flow_names *names, const struct v2m_flow_entry *flows,
			   size_t n_flows, uint64_t now_ns);

/* The line of a connection from the loopback address. An address without a port is not of a
 * connection, and the customer may have chosen it. */
bool v2m_is_from_here(const struct v2m_access_record *record);

/* Notes the flow of a user whom no key has. Does nothing if memory is short. */
void v2m_strangers_note(struct v2m_strangers *strangers, const struct v2m_flow_entry *flow);
bool v2m_strangers_have(const struct v2m_strangers *strangers, const struct v2m_flow_entry *flow);

#endif
