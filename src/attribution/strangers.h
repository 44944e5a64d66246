/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connections whose beginning nobody has seen, and whose user no key has: its key was removed. */
#ifndef V2METER_ATTRIBUTION_STRANGERS_H
#define V2METER_ATTRIBUTION_STRANGERS_H

#include <stdbool.h>

#include "base/sample.h"
#include "base/table.h"

/* Starts as zeros. */
struct v2m_strangers {
	struct v2m_table flows; /* see strangers.c */
};

void v2m_strangers_clear(struct v2m_strangers *strangers);

/* Whether the flow may be younger than its connection: the programs have not seen the handshake. A
 * SYN without an answer is no connection, and may stand beside the flow of one. */
bool v2m_flow_lacks_beginning(const struct v2m_flow_entry *flow);

/* Whether the server has sent more to a UDP peer without owner than failed authentication explains:
 * no handshake takes V2M_HANDSHAKE_BYTES. The line of a log comes within V2M_LINE_NS. */
#define V2M_HANDSHAKE_BYTES 16384
#define V2M_LINE_NS         UINT64_C(10000000000)
bool v2m_flow_is_nameless_udp(const struct v2m_flow_entry *flow, uint64_t now_ns);

/* Notes the connection of the flow. Does nothing if its beginning was seen, or if memory is short.
 */
void v2m_strangers_note(struct v2m_strangers *strangers, const struct v2m_flow_entry *flow);
bool v2m_strangers_have(const struct v2m_strangers *strangers, const struct v2m_flow_entry *flow);

#endif
