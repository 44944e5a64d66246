/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Raw readings of one port, as the account keeps them and the ledger stores them. */
#ifndef V2METER_ACCOUNTING_RAW_PORT_H
#define V2METER_ACCOUNTING_RAW_PORT_H

#include "base/sample.h"

/* The last raw reading of a port that has been accounted, and of which counter it was. A reading of
 * the same counter adds the difference; a reading of another one (other epoch or other assigned_ns)
 * adds the whole, for our maps start at zero; a counter that goes backwards starts anew. A port has
 * a reading of every epoch: counters that were left for others and come back (maps that could not
 * be read for a while, or that an upgrade left behind) go on where they were. */
struct v2m_raw_port {
	uint8_t epoch[V2M_EPOCH_LEN];
	struct v2m_port_sample raw;
	int64_t read_us; /* when it last changed, Unix microseconds */
	uint32_t next;   /* not stored: the account's own */
	bool dirty;      /* differs from what the ledger has stored */
};

/* How many connections were opened on a port since somebody began to count them there. */
struct v2m_port_sessions {
	uint16_t port;
	uint64_t assigned_ns; /* identity of this counter */
	uint64_t opened;
};

#endif
