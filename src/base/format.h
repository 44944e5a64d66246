/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the API writes sizes, times and addresses. */
#ifndef V2METER_BASE_FORMAT_H
#define V2METER_BASE_FORMAT_H

#include "base/connection.h"

/* "0 B", "1023 B", "1.00 KB", on through "PB": base 1024, two decimals. */
#define V2M_FORMAT_BYTES_LEN 32
void v2m_format_bytes(uint64_t bytes, char text[static V2M_FORMAT_BYTES_LEN]);

/* Local time, ISO 8601 with microseconds and no zone: "2025-08-04T14:45:39.255792". */
#define V2M_FORMAT_TIME_LEN 40
void v2m_format_time(int64_t real_us, char text[static V2M_FORMAT_TIME_LEN]);

/* As `ss -tn` prints them: "192.0.2.14:10001", "[2001:db8::1]:10001", "[::ffff:192.0.2.14]:10001",
 * with the device of a bound socket where ss puts it. */
#define V2M_FORMAT_ENDPOINT_LEN 96
void v2m_format_local(const struct v2m_connection *connection,
		      char text[static V2M_FORMAT_ENDPOINT_LEN]);
void v2m_format_remote(const struct v2m_connection *connection,
		       char text[static V2M_FORMAT_ENDPOINT_LEN]);

/* The word that a key file has for a set of enum v2m_transport bits: "tcp", "udp" or "both". */
const char *v2m_format_transports(unsigned transports);

/* The names that ss prints: "ESTAB", "CLOSE-WAIT", "LAST-ACK", ...; "UNKNOWN" if the state has
 * none. */
const char *v2m_format_state(uint8_t state);

#endif
