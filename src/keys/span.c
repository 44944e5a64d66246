// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/span.h"

#include <stdio.h>
#include <string.h>

static bool covers_tcp(const struct v2m_span *span, uint16_t port)
{
	return (span->transports & V2M_TCP) && span->first_port <= port && port <= span->last_port;
}

/* The span that leads to this one. NULL: it is behind no port, or behind a port of no key. */
static const struct v2m_span *find_front(const struct v2m_key_span *spans, size_t n_spans,
					 const struct v2m_span *behind)
{
	for (size_t i = 0; behind->front_port && i < n_spans; i++)
		if (&spans[i].span != behind && covers_tcp(&spans[i].span, behind->front_port))
			return &spans[i].span;
	return NULL;
}

uint16_t v2m_span_entrance(const struct v2m_key_span *spans, size_t n_spans,
			   const struct v2m_span *span, const struct v2m_span **front)
{
	const struct v2m_span *at = span;
	uint16_t port = 0;

	for (size_t steps = 0; steps <= n_spans; steps++) {
		const struct v2m_span *next = find_front(spans, n_spans, at);

		if (!next) {
			*front = at;
			return port;
		}
		port = at->front_port;
		at = next;
	}
	return 0;
}

bool v2m_span_parse(const char *text, struct v2m_span *span)
{
	unsigned first;
	unsigned last;
	int length = 0;
	unsigned transports = span->transports;

	if (sscanf(text, "%5u-%5u%n", &first, &last, &length) != 2 || !length) {
		length = 0;
		if (sscanf(text, "%5u%n", &first, &length) != 1)
			return false;
		last = first;
	}
	text += length;
	if (strcmp(text, "/tcp") == 0)
		transports = V2M_TCP;
	else if (strcmp(text, "/udp") == 0)
		transports = V2M_UDP;
	else if (*text)
		return false;
	if (first < 1 || last < first || last > 65535)
		return false;
	span->first_port = (uint16_t)first;
	span->last_port = (uint16_t)last;
	span->transports = transports;
	return true;
}

void v2m_span_format(uint16_t first_port, uint16_t last_port, char text[static V2M_SPAN_TEXT_LEN])
{
	if (first_port == last_port)
		snprintf(text, V2M_SPAN_TEXT_LEN, "%u", first_port);
	else
		snprintf(text, V2M_SPAN_TEXT_LEN, "%u-%u", first_port, last_port);
}
