/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a key is served: ports or ranges of ports, with their transports. */
#ifndef V2METER_KEYS_SPAN_H
#define V2METER_KEYS_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/transport.h"

/* A port or a range of ports on which a key is served. */
struct v2m_span {
	uint16_t first_port; /* host byte order, at least 1 */
	uint16_t last_port;  /* equal to first_port for a single port */
	unsigned transports; /* enum v2m_transport bits, at least one */
	bool loopback;       /* the inbound listens on a loopback address */
	uint16_t front_port; /* TCP port of the inbound that hands connections over to this one; 0
				if clients reach it directly */
};

/* Stands for the index of a key in the spans of orphans: they are in no key's figures. */
#define V2M_NO_KEY SIZE_MAX

/* A span of the key with that index. */
struct v2m_key_span {
	size_t key;
	struct v2m_span span;
};

/* Reads "443", "20000-50000", "443/tcp" or "20000-50000/udp" into a span, which keeps its
 * transports if the text names none. False: it is none of these. */
bool v2m_span_parse(const char *text, struct v2m_span *span);
/* Writes the ports as "443" or "20000-50000". */
#define V2M_SPAN_TEXT_LEN 16
void v2m_span_format(uint16_t first_port, uint16_t last_port, char text[static V2M_SPAN_TEXT_LEN]);

/* The port at which the clients of a span arrive if it stands behind another one, and a span at
 * that port. 0 if they arrive at the span itself, also if the inbounds lead round in a circle. */
uint16_t v2m_span_entrance(const struct v2m_key_span *spans, size_t n_spans,
			   const struct v2m_span *span, const struct v2m_span **front);

#endif
