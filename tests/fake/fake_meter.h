/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A meter in memory, for tests of the code above a meter: keys, connections, and counters that grow
 * by a known amount with every reading.
 *
 * Ordinary keys have, from N = 0 on, the id "key-N", the uuid "00000000-0000-4000-8000-" and N with
 * 12 digits, and the port 10001 + N. With special there are also "inactive" (port 9001),
 * "portless", "shared-a" and "shared-b" (both port 9002).
 *
 * History: every key had one reading's bytes on each of two days of August 2025, and none before or
 * after. "This month" is August 2025. A reset of a key's history leaves nothing of it.
 */
#ifndef V2METER_TESTS_FAKE_METER_H
#define V2METER_TESTS_FAKE_METER_H

#include <stdbool.h>

#include "api/meter.h"

/* A port of which some bytes are not counted. */
#define UNCOUNTED_PORT 10003

/* Bytes that every reading adds to a port. */
#define FAKE_RX_WIRE    1500
#define FAKE_RX_PAYLOAD 1400
#define FAKE_TX_WIRE    3000
#define FAKE_TX_PAYLOAD 2900

#define FAKE_MONTH       202508
#define FAKE_DAY_1       20250803
#define FAKE_DAY_2       20250804
#define FAKE_CONNECTIONS 3 /* most at the same time, on either day */
#define FAKE_SESSIONS    7 /* a day */

struct fake_options {
	size_t n_keys;
	size_t n_connections; /* spread over the ordinary keys */
	bool special;
	bool inexact;       /* the mode without kernel programs */
	size_t details_max; /* limit of connection_details; 0: none */
	unsigned window_ms; /* length of a window; 0: every reading starts one */
	enum v2m_api_bytes unit;
	const char *api_key; /* what a change must present; NULL: FAKE_API_KEY */
};
#define FAKE_API_KEY "test-key"

struct fake_meter;

/* NULL: out of memory. */
struct fake_meter *fake_meter_new(const struct fake_options *options);
void fake_meter_free(struct fake_meter *fake);
const struct v2m_meter *fake_meter(struct fake_meter *fake);

/* The verdict of the following calls. reason: as in v2m_health, a string constant. */
void fake_meter_set_window_verdict(struct fake_meter *fake, enum v2m_verdict verdict);
void fake_meter_set_history_verdict(struct fake_meter *fake, enum v2m_verdict verdict);
void fake_meter_set_reset_verdict(struct fake_meter *fake, enum v2m_verdict verdict);
void fake_meter_set_transfer_verdict(struct fake_meter *fake, enum v2m_verdict verdict);
void fake_meter_set_health(struct fake_meter *fake, bool can_serve, const char *reason);
/* The size of the last imported document in bytes. Every import gives 1 added, 2 known, 3 refused.
 */
size_t fake_meter_imported(struct fake_meter *fake);
/* The only hours: two with the same local time, because summer time ended between them. */
#define FAKE_HOURS_DAY 20251026
#define FAKE_HOUR_S    1761436800 /* 02:00 at +02:00; the other begins an hour later, at +01:00 */
/* The start of the rate history. It has three steps. In step 1, 2, 3 every port has that many rx
 * bytes a second, and a thousand times as many tx bytes. */
#define FAKE_RATES_US INT64_C(1754307930000000)
#define FAKE_TOTALS   "[1,1500,1400,2,3000,2900]"
#define FAKE_FIGURES  "[1,1500,1400,2,3000,2900,3,7]"
#define FAKE_DOCUMENT                                                                              \
	"{\"format\":\"v2meter-totals\",\"version\":1,\"ledger\":\"5f\",\"document\":\"60\","      \
	"\"created_us\":1754307939255796,\"flow\":[\"packets\",\"wire\",\"payload\"],"             \
	"\"subjects\":[{\"subject\":\"port:9002\",\"name\":null,"                                  \
	"\"port\":9002,\"first_seen_us\":1754307939255796,\"last_activity_us\":0,\"reset_us\":0,"  \
	"\"max_connections\":3,\"sessions\":7,\"lifetime\":" FAKE_TOTALS                           \
	",\"baseline\":" FAKE_TOTALS ",\"history_baseline\":" FAKE_TOTALS                          \
	",\"months\":{\"2025-08\":" FAKE_FIGURES "},\"days\":{\"2025-08-03\":" FAKE_FIGURES "}}]}"
/* The days that the last cleanup kept; -1: there was no cleanup. */
int fake_meter_days_kept(struct fake_meter *fake);
/* How often the counters were read. */
unsigned fake_meter_readings(struct fake_meter *fake);
/* A new snapshot, after one more reading. NULL: out of memory. */
struct v2m_snapshot *fake_meter_snapshot(struct fake_meter *fake);

#endif
