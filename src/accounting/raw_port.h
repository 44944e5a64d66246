/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Readings of one slot, as the account keeps them and the ledger stores them. */
#ifndef V2METER_ACCOUNTING_RAW_PORT_H
#define V2METER_ACCOUNTING_RAW_PORT_H

#include "accounting/totals.h"
#include "base/sample.h"

/*
 * The last reading of a kernel slot's byte counter that has been accounted, and the identity of
 * that counter. The next reading of the same counter adds the difference. A reading of another
 * counter (other epoch or other assigned_ns) adds the whole, because our maps start at zero. A
 * counter that went backwards starts anew. A slot has one reading for each epoch: counters that
 * were left for others and come back (maps that could not be read for a while, or that an upgrade
 * left behind) go on where they were.
 */
struct v2m_raw_port {
	uint8_t epoch[V2M_EPOCH_LEN];
	/* Its slot is the result of v2m_sample_slot_index(). No counter is above V2M_COUNTER_MAX.
	 */
	struct v2m_port_sample raw;
	int64_t read_us; /* when it last changed, Unix microseconds */
	uint32_t next;   /* not stored; only raw.c uses it */
	bool dirty;      /* differs from what the ledger has stored */
};

/* The bytes that socket statistics counted of a slot since its last exact reading. The kernel
 * programs may have counted the same bytes: when they can be read again, only what they have beyond
 * this is added. */
struct v2m_socket_overlap {
	uint32_t slot_number;
	struct v2m_totals counted;
	bool settled; /* not stored: the present sample has an exact reading */
	bool dirty;
};

/* The bytes of one port or range that were set aside at one time: see
 * account_aside.h. */
struct v2m_aside {
	uint16_t port;
	uint16_t last_port;
	int64_t found_us; /* Unix microseconds */
	struct v2m_totals totals;
	bool dirty;
};

/* The bytes that the TCP connections of a slot have handed over since this counter began, each
 * once.
 */
struct v2m_delivered {
	uint64_t assigned_ns; /* identity of the counter; 0: nobody measures it */
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t again_bytes; /* payload that was sent again; not stored */
};

/* How many connections of a slot were opened since this counter began. */
struct v2m_port_sessions {
	uint16_t port;        /* the first port of the slot; 0 for an owner of flows */
	uint64_t assigned_ns; /* identity of the counter */
	uint64_t opened;
	struct v2m_delivered delivered;
};

/* The sessions of all slots and owners, as they were read. */
struct v2m_session_counts {
	struct v2m_port_sessions *ports; /* ascending by port; NULL: nobody counts sessions */
	size_t n_ports;
	const struct v2m_owner_sessions *owners; /* read before the ports */
	size_t n_owners;
};

/* No slot without TCP has sessions, so owners have these numbers. */
#define V2M_SESSIONS_OF_OWNER(owner) (UINT32_C(65536) + (owner))

/* The last reading of that counter that has been accounted. */
struct v2m_accounted_sessions {
	/* The first port, because only slots with TCP have sessions; for an owner of flows
	 * V2M_SESSIONS_OF_OWNER(). */
	uint32_t slot_number;
	uint64_t assigned_ns;
	uint64_t opened;
	struct v2m_delivered delivered;
	bool dirty;
};

#endif
