/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connections in a port's entry, for a person. */
#ifndef V2METER_CTL_CONNECTIONS_H
#define V2METER_CTL_CONNECTIONS_H

#include "ctl/commands.h"
#include "ctl/table.h"

/* A line each for the connections that opened and closed and for UDP peers; none where the server
 * does not tell. */
void v2m_connections_sum_up(struct v2m_table *table, const json_t *entry);

/* The table of the connections listed; bytes, round-trip time, retransmissions and age only where
 * the server tells them. Nothing where none is listed. */
enum v2m_outcome v2m_connections_print(const struct v2m_ctl *ctl, const json_t *entry);

#endif
