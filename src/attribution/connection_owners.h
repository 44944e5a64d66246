/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells the owners of connections by the flows of the kernel programs. */
#ifndef V2METER_ATTRIBUTION_CONNECTION_OWNERS_H
#define V2METER_ATTRIBUTION_CONNECTION_OWNERS_H

#include "base/connection.h"

struct v2m_datapath;

/* The key of the flow of a TCP connection. */
struct v2m_flow_key v2m_flow_of_connection(const struct v2m_connection *connection);

/* Fills in the owners of a table that nobody else has yet. Connections whose owner is not known,
 * and all of them if memory is short, keep V2M_NO_OWNER. */
void v2m_connection_owners_fill(struct v2m_datapath *datapath, struct v2m_connection_table *table);

#endif
