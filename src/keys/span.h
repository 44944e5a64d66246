/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ports on which a key is served: single ones or ranges, with their transports. */
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
	uint16_t front_port; /* the TCP port of the inbound that hands its connections over to this
				one; 0 if clients connect to this one directly */
	bool visited; /* others than users reach a fallback there by TCP, such as a web server */
	/* The proxy's list of online users may lack a client of this inbound, or have it with an
	 * address that the client has claimed. */
	bool unlisted;
};

/* In place of the index of a key: the span belongs to an orphan and is in no key's figures. */
#define V2M_NO_KEY SIZE_MAX

/* A span and its key. */
struct v2m_key_span {
	size_t key; /* index in the key set, or V2M_NO_KEY */
	struct v2m_span span;
};

/* Reads "443", "20000-50000", "443/tcp" or "20000-50000/udp" into a span. If the text names no
 * transport, the span keeps its transports. False: the text has another form. */
bool v2m_span_parse(const char *text, struct v2m_span *span);
/* Writes the ports as "443" or "20000-50000". */
#define V2M_SPAN_TEXT_LEN 16
void v2m_span_format(uint16_t first_port, uint16_t last_port, char text[static V2M_SPAN_TEXT_LEN]);

/* Finds where the clients of a span arrive. If the span is behind another one, returns the port at
 * which they arrive, with the span of that port in *front. 0: they arrive at the span itself, or
 * the inbounds lead to each other in a circle. */
uint16_t v2m_span_entrance(const struct v2m_key_span *spans, size_t n_spans,
			   const struct v2m_span *span, const struct v2m_span **front);

#endif
