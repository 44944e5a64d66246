/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which connections of a dump were not in the one before it. A connection that opens and closes
 * between two dumps is not seen, and one that takes up the addresses and ports of another between
 * two dumps is taken for it: whoever has the kernel's own events should count those instead.
 */
#ifndef V2METER_ACCOUNTING_SESSION_SET_H
#define V2METER_ACCOUNTING_SESSION_SET_H

#include "base/connection.h"

/* The connections of one dump, 8 bytes each. */
struct v2m_session_set {
	uint64_t *hashes; /* ascending */
	size_t count;
	bool known; /* false before the first dump: what that one shows was not opened now */
};

/* 0 or -ENOMEM. */
int v2m_session_set_make(const struct v2m_connection_table *table, struct v2m_session_set *set);
void v2m_session_set_clear(struct v2m_session_set *set);
/* How many of the connections, all of one port, are not in the set; 0 where it is not known. */
uint32_t v2m_session_set_count_new(const struct v2m_session_set *set,
				   const struct v2m_connection *connections, size_t count);

#endif
