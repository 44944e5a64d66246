/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the connections of a dump that were not in the one before. A connection that opens and
 * closes between two dumps is not seen. One that reuses the addresses and ports of another one
 * between two dumps is mistaken for it. The kernel's own events are exact: use those if they are
 * available.
 */
#ifndef V2METER_ACCOUNTING_SESSION_SET_H
#define V2METER_ACCOUNTING_SESSION_SET_H

#include "base/connection.h"

/* The connections of one dump, 8 bytes each. */
struct v2m_session_set {
	uint64_t *hashes; /* ascending */
	size_t count;
	bool known; /* false before the first dump, whose connections may be old */
};

/* 0 or -ENOMEM. */
int v2m_session_set_make(const struct v2m_connection_table *table, struct v2m_session_set *set);
void v2m_session_set_clear(struct v2m_session_set *set);
/* How many of the connections are not in the set; 0 before the first dump. */
uint32_t v2m_session_set_count_new(const struct v2m_session_set *set,
				   const struct v2m_connection *connections, size_t count);

#endif
