/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection that was accepted, as a line of a proxy's access log tells it: plain data. */
#ifndef V2METER_KEYS_ACCESS_RECORD_H
#define V2METER_KEYS_ACCESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The transport of the source, as the line names it. */
enum v2m_access_transport {
	V2M_ACCESS_UNSAID, /* no word before the address: the transport of the inbound */
	V2M_ACCESS_TCP,
	V2M_ACCESS_UDP,
	V2M_N_ACCESS_TRANSPORTS,
};

/* A part of a line, without a 0 behind it. It may hold any bytes. */
struct v2m_access_text {
	const char *start;
	size_t length;
};

/* The time of a line if the zone of the proxy's clock is not known. */
#define V2M_NO_LINE_TIME INT64_MAX

struct v2m_access_record {
	enum v2m_access_transport transport;
	uint8_t address[16]; /* the source; IPv4 in the IPv4-mapped form */
	/* The port of the source, host byte order. 0: the address is from a header of HTTP that a
	 * proxy in front, or the customer, has set (X-Forwarded-For). */
	uint16_t port;
	int64_t real_us;              /* Unix microseconds, or V2M_NO_LINE_TIME */
	struct v2m_access_text tags;  /* between the brackets, both tags; may be empty */
	struct v2m_access_text email; /* empty: the user has none, or the inbound names no users */
};

/* Whether the line says that it is of the inbound with this tag. Lines of V2Ray, and of inbounds
 * without a tag, do not name an inbound. */
bool v2m_access_record_names(const struct v2m_access_record *record, const char *tag);

#endif
