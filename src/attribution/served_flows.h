/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections without owner that the server has served: it has sent more than a handshake. By the
 * list of online users such a connection is an alien if the user who has its address had made no
 * request since it began. Then it is not this user's, and never becomes it: a client does that
 * which goes on with UDP of an earlier connection (XUDP) from an address of another user.
 */
#ifndef V2METER_ATTRIBUTION_SERVED_FLOWS_H
#define V2METER_ATTRIBUTION_SERVED_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sample.h"
#include "base/table.h"

/* Starts as zeros. */
struct v2m_served_flows {
	struct v2m_table last; /* of the last comparison */
	struct v2m_table next; /* of the comparison that goes on */
	uint64_t compared_ns;  /* when the flows of the last one were read, CLOCK_MONOTONIC */
};

void v2m_served_flows_clear(struct v2m_served_flows *served);

/* Whether the flow is an alien, by a list that was asked for at asked_ns. has_request: the user has
 * made a request since the flow began. */
bool v2m_served_flows_are_alien(const struct v2m_served_flows *served,
				const struct v2m_flow_entry *flow, uint64_t asked_ns,
				bool has_request);
/* Each flow of a comparison. 0 or -ENOMEM. */
int v2m_served_flows_note(struct v2m_served_flows *served, const struct v2m_flow_entry *flow,
			  bool is_alien);
/* The comparison has ended. Its flows were read at now_ns. */
void v2m_served_flows_end(struct v2m_served_flows *served, uint64_t now_ns);

#endif
