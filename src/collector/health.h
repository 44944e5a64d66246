/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The conditions that are wrong with the meter now. One table (health.c) has a row for each
 * condition. GET /health and GET /api/meter/status answer with the first row whose condition is
 * set. The manual and docs/openapi.yaml list the conditions in the same order; a test compares the
 * three.
 */
#ifndef V2METER_COLLECTOR_HEALTH_H
#define V2METER_COLLECTOR_HEALTH_H

#include <stdbool.h>

#include "api/meter.h"
#include "ipc/pulse.h"

/* The order is that of the table: worst first, and those that stop serving before all others. */
enum v2m_condition {
	V2M_STALLED, /* never set here: whoever looks at the pulse sees it */
	V2M_COUNTERS_UNREADABLE,
	V2M_DELIVERED_UNAVAILABLE, /* "api_bytes" asks for what is not measured */
	V2M_LEDGER_UNWRITABLE,
	V2M_LEDGER_DAMAGED, /* some rows of a damaged ledger could not be taken over */
	V2M_LEDGER_LOST,    /* counters are older than the ledger: some bytes belong to nobody */
	V2M_KEY_SOURCE_BROKEN,
	V2M_EBPF_UNAVAILABLE,
	V2M_NO_DEVICE,
	V2M_NETNS_UNAVAILABLE, /* bytes are counted, but no connections are seen */
	V2M_DEVICE_REFUSED,    /* one of several: the traffic of that device is not counted */
	V2M_OUTRUN,            /* the traffic of a device passes our programs by */
	V2M_PROGRAMS_REMOVED,  /* our programs were away from a device for a while */
	V2M_TRAFFIC_UNCOUNTED, /* connections deliver bytes that no program saw */
	V2M_PATH_UNCOUNTED,    /* connections come over the loopback device, uncounted */
	V2M_ALIASES_UNKNOWN,   /* NAT rules may bring packets to keys' ports by other ports */
	V2M_HEADERS_TOO_DEEP,  /* packets that may be a key's could not be read to their ports */
	V2M_TOO_MANY_PORTS,
	V2M_KEYS_INCOMPLETE,     /* the bytes of some users are not counted */
	V2M_ACCESS_LOG_UNREAD,   /* bytes of shared ports get no key */
	V2M_PORT_ORPHANED,       /* a port without a key is counted */
	V2M_TRAFFIC_UNDELIVERED, /* bytes are counted that no connection takes */
	V2M_DRIFT,               /* a proxy counts other bytes for a key than we do */
	V2M_QUEUE_DROPS,         /* a queue drops bytes that are counted as sent */
	V2M_FRAGMENTS_INEXACT,   /* only while keys receive fragments */
	V2M_N_CONDITIONS,
};

/* The conditions that are set. */
struct v2m_conditions;

/* No condition is set. The pulse is told of every change, and must outlive the conditions. NULL:
 * out of memory. */
struct v2m_conditions *v2m_conditions_new(struct v2m_pulse *pulse);
/* Does nothing on NULL. */
void v2m_conditions_free(struct v2m_conditions *conditions);

/* Sets a condition. sentence tells the operator why; NULL: the sentence of the table. Returns
 * whether the condition was not set before. */
bool v2m_conditions_set(struct v2m_conditions *conditions, enum v2m_condition condition,
			const char *sentence);
/* Returns whether the condition was set. */
bool v2m_conditions_clear(struct v2m_conditions *conditions, enum v2m_condition condition);
bool v2m_conditions_has(struct v2m_conditions *conditions, enum v2m_condition condition);

/* Copies the conditions that are set, worst first, each with its word and its sentence. Returns how
 * many there are. */
size_t v2m_conditions_list(struct v2m_conditions *conditions,
			   struct v2m_status_reason reasons[static V2M_N_CONDITIONS]);

/* Fills in the answer of GET /health. If sentence is not NULL it gets the sentence about
 * health->reason, or "" if nothing is wrong. */
void v2m_conditions_tell(struct v2m_conditions *conditions, struct v2m_health *health,
			 struct v2m_error *sentence);

#endif
