/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connections in a port's entry, for a person. */
#ifndef V2METER_CTL_CONNECTIONS_H
#define V2METER_CTL_CONNECTIONS_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "ctl/text_table.h"

/* Adds one line for the sessions and one for the UDP peers, each only if the server tells them. */
void v2m_connections_sum_up(struct v2m_text_table *table, const json_t *entry);

/* Prints the table of the connections in the entry; nothing if there are none. Bytes, round-trip
 * time, retransmissions and age have columns only if the server tells them. */
enum v2m_outcome v2m_connections_print(const struct v2m_ctl *ctl, const json_t *entry);

#endif
